//! Requests that are refused before their bodies are read: the answer must be seen all the same.

use crate::running::Running;
use gryadka_service::Token;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection without a token to a service that demands one.
async fn without_a_token() -> (Running, TcpStream) {
    let token = Token::new("a token that is not sent").unwrap();
    let service = Running::with(|settings| settings.tokens.client = Some(token)).await;
    let stream = TcpStream::connect(service.address).await.unwrap();
    (service, stream)
}

/// Reads up to the end of an answer's headers, and the body that `content-length` announces.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == length.unwrap().parse::<usize>().unwrap() {
                return text;
            }
        }
        let byte = stream.read_u8().await.unwrap();
        text.push(char::from(byte));
    }
}

#[tokio::test]
async fn a_body_that_comes_late_is_thrown_away_and_the_connection_goes_on() {
    let (_service, mut stream) = without_a_token().await;
    for _ in 0..3 {
        let head = "PUT /v1/kv/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
        stream.write_all(b"value").await.unwrap();
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn a_long_body_is_not_waited_for_and_the_answer_says_so() {
    let (_service, mut stream) = without_a_token().await;
    let head = "PUT /v1/kv/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9999999\r\n\r\nvalue";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_client_that_expects_100_continue_gets_the_refusal_instead() {
    let (_service, mut stream) = without_a_token().await;
    let head = "PUT /v1/kv/k HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}
