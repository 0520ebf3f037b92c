//! What operators may do to tasks: who may, what is asked of the operator, what is answered.

use crate::house::House;

#[tokio::test]
async fn each_lever_is_pulled_and_answered() {
    let house = House::open().await;
    let id = house.task("todo").await.id();
    for (path, field, value) in [
        (format!("/v1/tasks/{id}/retry"), "state", "running"),
        (format!("/v1/tasks/{id}/retry?from=generate"), "task", "todo"),
        (format!("/v1/tasks/{id}/cancel"), "task", "todo"),
        (format!("/v1/tasks/{id}/renotify"), "verdict", "accepted"),
    ] {
        let reply = house.ask(&[&format!("POST {path} HTTP/1.1"), "Content-Length: 0"], b"").await;
        assert_eq!((reply.status, reply.json()[field].as_str()), (200, Some(value)), "{path}");
    }
    let asked = house.operator.asked.lock().unwrap().clone();
    assert_eq!(asked, ["retry from - todo", "retry from generate todo", "cancel todo", "renotify todo"]);
}

#[tokio::test]
async fn what_cannot_be_done_is_a_problem() {
    let house = House::open().await;
    let stuck = house.task("stuck").await.id();
    for lever in ["retry", "cancel", "renotify"] {
        for (id, status, code) in [
            (stuck.to_string(), 409, "not_now"),
            ("01JD3T0M4QZ8V5W9R2K7XH1C6N".to_owned(), 404, "task_not_found"),
            ("x".to_owned(), 404, "task_not_found"),
        ] {
            let reply = house.post(&format!("/v1/tasks/{id}/{lever}"), b"").await;
            assert_eq!((reply.status, reply.code().as_str()), (status, code), "{lever} {id}");
        }
    }
    let reply = house.post(&format!("/v1/tasks/{stuck}/cancel"), b"").await;
    assert_eq!(reply.json()["detail"], "pull harder");
    let reply = house.get(&format!("/v1/tasks/{stuck}/cancel")).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "POST, OPTIONS"));
}

#[tokio::test]
async fn only_operators_change_anything_and_no_page_of_another_site() {
    let token = ["let", "me", "in"].concat();
    let house = House::with_token(&token).await;
    let id = house.task("todo").await.id();
    let line = format!("POST /v1/tasks/{id}/cancel HTTP/1.1");
    let reply = house.ask(&[&line, "Content-Length: 0"], b"").await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "admin_token_needed"));

    let house = House::open().await;
    let id = house.task("todo").await.id();
    let line = format!("POST /v1/tasks/{id}/cancel HTTP/1.1");
    for header in ["Origin: https://evil.example.com", "Sec-Fetch-Site: cross-site"] {
        let reply = house.ask(&[&line, header, "Content-Length: 0"], b"").await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "foreign_origin"), "{header}");
    }
    assert!(house.operator.asked.lock().unwrap().is_empty());
    let reply = house.ask(&[&line, "Origin: http://localhost", "Content-Length: 0"], b"").await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_person_is_named_in_the_body_and_not_in_the_address() {
    let house = House::open().await;
    let reply = house.post("/v1/forget", br#"{"email": "student@example.com"}"#).await;
    assert_eq!((reply.status, reply.json()["tasks"].as_u64()), (200, Some(1)), "{}", reply.text());
    house.post("/v1/forget", br#"{"email": "student@example.com", "repos": true}"#).await;
    let asked = house.operator.asked.lock().unwrap().clone();
    assert_eq!(asked, ["forget student@example.com", "forget student@example.com with repositories"]);
    for (body, status, code) in [
        (&b"{}"[..], 400, "invalid_request"),
        (br#"{"email": "nobody"}"#, 400, "invalid_request"),
        (br#"{"email": 7}"#, 400, "invalid_request"),
        (br#"{"email": "student@example.com", "repos": "yes"}"#, 400, "invalid_request"),
        (b"email=a@b", 400, "malformed_json"),
        (&[b' '; 5000], 413, "too_large"),
    ] {
        let reply = house.post("/v1/forget", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
    }
    let lines = ["POST /v1/forget HTTP/1.1", "Content-Type: application/json", "Origin: https://evil.example.com"];
    let reply = house.ask(&[&lines[..], &["Content-Length: 2"]].concat(), b"{}").await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "foreign_origin"));
}
