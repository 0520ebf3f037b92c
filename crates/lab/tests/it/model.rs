use std::time::Duration;

use lab::model::{Reply, Script};
use lab::sse::Parser;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::harness::{PATIENCE, model};

const PROMPT: &str = "Make #total.\nBoundary: 00112233445566ff\n";

fn body(model: &str, prompt: &str) -> Value {
    json!({"model": model, "messages": [{"role": "system", "content": "Rules."}, {"role": "user", "content": prompt}]})
}

async fn post(base: &url::Url, body: &Value) -> (u16, String) {
    let url = base.join("chat/completions").unwrap();
    let request = lab::client().unwrap().post(url).bearer_auth("key").json(body).timeout(PATIENCE);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn complete(base: &url::Url, model: &str, prompt: &str) -> (u16, Value) {
    let (status, text) = post(base, &body(model, prompt)).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn a_whole_answer_has_openais_form() {
    let files = vec![("index.html".to_owned(), "<p>hi".to_owned()), ("a/b.css".to_owned(), "p {}\n".to_owned())];
    let running = model(Script::new().on("m", [Reply::Files(files)]));
    let (status, answer) = complete(&running.handle.base_url(), "m", PROMPT).await;
    assert_eq!(status, 200);
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["choices"][0]["message"]["role"], "assistant");
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        "<<<FILE 00112233445566ff index.html\n<p>hi\nFILE>>> 00112233445566ff\n\
         <<<FILE 00112233445566ff a/b.css\np {}\nFILE>>> 00112233445566ff\n"
    );
    assert_eq!(
        answer["usage"]["total_tokens"].as_u64().unwrap(),
        answer["usage"]["prompt_tokens"].as_u64().unwrap() + answer["usage"]["completion_tokens"].as_u64().unwrap()
    );

    let served = running.handle.served();
    assert_eq!(served.answers, 1);
    assert_eq!(served.prompt_tokens, answer["usage"]["prompt_tokens"].as_u64().unwrap());
    assert_eq!(served.completion_tokens, answer["usage"]["completion_tokens"].as_u64().unwrap());
    assert!(served.cached_tokens > 0 && served.cached_tokens < served.prompt_tokens, "{served:?}");

    let recorded = running.handle.wait_for(1, PATIENCE).await.unwrap();
    assert_eq!((recorded[0].model.as_str(), recorded[0].call), ("m", 0));
    assert_eq!(recorded[0].prompt, format!("Rules.\n{PROMPT}\n"));
    assert_eq!(recorded[0].authorization.as_ref().unwrap().expose_secret(), "Bearer key");
}

#[tokio::test]
async fn a_scripted_text_can_hold_the_boundary() {
    let cut = Reply::Truncated("<<<FILE {boundary} a\n1\n".to_owned());
    let running = model(Script::new().on("m", [cut, Reply::Text("<<<RESUME {boundary}\n".to_owned())]));
    for (prompt, expected) in [
        (PROMPT, "<<<FILE 00112233445566ff a\n1\n"),
        (PROMPT, "<<<RESUME 00112233445566ff\n"),
        ("no boundary", "<<<RESUME {boundary}\n"),
    ] {
        let (_, answer) = complete(&running.handle.base_url(), "m", prompt).await;
        assert_eq!(answer["choices"][0]["message"]["content"], expected, "{prompt}");
    }
}

#[tokio::test]
async fn a_stream_says_the_same_in_pieces() {
    let text = "An answer of some length, ünïcode and \"quotes\" included. ".repeat(5);
    let running = model(Script::new().on("m", [Reply::Text(text.clone()), Reply::Truncated(text.clone())]));
    for finish in ["stop", "length"] {
        let mut request = body("m", PROMPT);
        request["stream"] = json!(true);
        request["stream_options"] = json!({"include_usage": true});
        let (status, stream) = post(&running.handle.base_url(), &request).await;
        assert_eq!(status, 200);
        let events = Parser::default().push(stream.as_bytes()).unwrap();
        let (done, chunks) = events.split_last().unwrap();
        assert_eq!(done.data, "[DONE]");
        let chunks: Vec<Value> = chunks.iter().map(|event| serde_json::from_str(&event.data).unwrap()).collect();
        let told: String =
            chunks.iter().filter_map(|chunk| chunk.pointer("/choices/0/delta/content")?.as_str()).collect();
        assert_eq!(told, text);
        let finishes: Vec<&str> =
            chunks.iter().filter_map(|chunk| chunk.pointer("/choices/0/finish_reason")?.as_str()).collect();
        assert_eq!(finishes, [finish]);
        assert!(chunks.last().unwrap()["usage"]["total_tokens"].as_u64().unwrap() > 0);
    }
}

#[tokio::test]
async fn faults_come_as_scripted_and_then_it_works() {
    let running = model(Script::instant().on(
        "m",
        [
            Reply::Status(529, "{\"type\":\"error\"}".to_owned()),
            Reply::Stall(Duration::from_millis(1)),
            Reply::Truncated("half".to_owned()),
            Reply::After(Duration::from_millis(1), Box::new(Reply::NoQuota)),
            Reply::Busy(7),
            Reply::Trickle(Duration::from_millis(1), "drop by drop".to_owned()),
            Reply::Instant,
        ],
    ));
    let base = running.handle.base_url();
    assert_eq!(complete(&base, "m", PROMPT).await, (529, json!({"type": "error"})));
    assert_eq!(complete(&base, "m", PROMPT).await.0, 504);
    assert_eq!(complete(&base, "m", PROMPT).await.1["choices"][0]["finish_reason"], "length");
    assert_eq!(complete(&base, "m", PROMPT).await.1["error"]["code"], "insufficient_quota");
    assert_eq!(complete(&base, "m", PROMPT).await.0, 429);
    assert_eq!(running.handle.served().answers, 1);
    let mut streamed = body("m", PROMPT);
    streamed["stream"] = json!(true);
    let (_, stream) = post(&base, &streamed).await;
    assert!(stream.contains("drop by drop") && stream.ends_with("data: [DONE]\n\n"), "{stream}");
    assert_eq!(running.handle.served().answers, 2);
    let (status, page) = complete(&base, "m", PROMPT).await;
    let page = page["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(status == 200 && page.contains("<p id=\"total\">1</p>"), "{page}");
    let (_, sentence) = complete(&base, "other", "no boundary here").await;
    assert!(!sentence["choices"][0]["message"]["content"].as_str().unwrap().contains("<<<FILE"));
}

#[tokio::test]
async fn what_the_script_cannot_answer_is_refused_in_openais_form() {
    let running = model(Script::new().on("m", [Reply::Files(Vec::new())]));
    let base = running.handle.base_url();
    let (status, error) = complete(&base, "nobody", PROMPT).await;
    assert_eq!((status, error["error"]["code"].as_str()), (404, Some("model_not_found")));
    let (status, error) = complete(&base, "m", "no boundary").await;
    assert_eq!((status, error["error"]["code"].as_str()), (400, Some("invalid_request_error")));
    assert_eq!(post(&base, &json!({"model": "m"})).await.0, 400);

    let models = lab::client().unwrap().get(base.join("models").unwrap()).send().await.unwrap();
    let models: Value = models.json().await.unwrap();
    assert_eq!(models["data"].as_array().unwrap().len(), 1);
    assert_eq!(models["data"][0]["id"], "m");
}
