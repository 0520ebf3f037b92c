//! More than the service can take: the excess is told so at once, and whoever was let in is served.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Exchange, PATIENCE, Reply};
use crate::house::House;

const HELD: &[u8] = br#"{"case": "held"}"#;

#[track_caller]
fn assert_busy(reply: &Reply) {
    assert_eq!((reply.status, reply.code().as_str()), (503, "busy"), "{reply:?}");
    assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0, "{reply:?}");
}

async fn begin(house: &House, length: usize, body: &[u8]) -> Exchange {
    let length = format!("Content-Length: {length}");
    Exchange::send(house.address, &["POST /tasks HTTP/1.1", &length], body).await
}

#[tokio::test]
async fn beyond_the_places_in_flight_the_excess_is_refused_and_the_rest_is_served() {
    let house = House::with(|options| options.max_in_flight = 2, Vec::new()).await;
    let inside = [begin(&house, HELD.len(), HELD).await, begin(&house, HELD.len(), HELD).await];
    house.intake.wait_for_held(2).await;
    for _ in 0..3 {
        // Its body never comes, so it cannot have been read.
        assert_busy(&begin(&house, 100, b"").await.reply().await);
    }
    assert_eq!(house.get("/health").await.status, 200, "only submissions are refused");
    house.intake.let_held_go();
    for exchange in inside {
        assert_eq!(exchange.reply().await.status, 200);
    }
    assert_eq!(house.post("/tasks", b"{}").await.status, 200);
    house.close().await;
}

#[tokio::test]
async fn bodies_on_their_way_in_take_no_place() {
    let house = House::with(|options| options.max_in_flight = 1, Vec::new()).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(begin(&house, HELD.len(), &HELD[..1]).await);
    }
    for _ in 0..3 {
        assert_eq!(house.post("/tasks", b"{}").await.status, 200);
    }
    let mut first = slow.remove(0);
    first.write(&HELD[1..]).await;
    house.intake.wait_for_held(1).await;
    // Let in before the place was taken, and complete only after it.
    let mut second = slow.remove(0);
    second.write(&HELD[1..]).await;
    assert_busy(&second.reply().await);
    house.intake.let_held_go();
    assert_eq!(first.reply().await.status, 200);
}

#[tokio::test]
async fn beyond_the_cap_a_connection_is_told_so_and_closed() {
    let house = House::with(|options| options.max_connections = 3, Vec::new()).await;
    // Connections count from the moment they are accepted, though nothing is asked on them.
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(TcpStream::connect(house.address).await.unwrap());
    }
    for head in ["GET /health HTTP/1.1", "POST /build HTTP/1.1\r\nContent-Length: 9"] {
        let mut surplus = TcpStream::connect(house.address).await.unwrap();
        surplus.write_all(format!("{head}\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
        let reply = Reply::read(&read_to_end(&mut surplus).await);
        assert_busy(&reply);
        assert_eq!(reply.header("connection"), "close", "{reply:?}");
    }
    drop(idle.pop());
    // The server sees that end in its own time; whoever comes until then is told to come again.
    let served = async { while house.get("/health").await.status != 200 {} };
    tokio::time::timeout(PATIENCE, served).await.unwrap();
    drop(idle);
    house.close().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_its_connection() {
    let quick = std::time::Duration::from_millis(50);
    let house = House::with(|options| options.header_timeout = quick, Vec::new()).await;
    for beginning in ["", "POST /build HT", "POST /build HTTP/1.1\r\nHost: local"] {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let said = read_to_end(&mut stream).await;
        assert!(said.starts_with(b"HTTP/1.1 408 "), "{beginning:?}: {}", String::from_utf8_lossy(&said));
    }
}

async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await.unwrap().unwrap();
    said
}
