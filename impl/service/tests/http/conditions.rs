//! Compare-and-set by `ETag`, as HTTP's own words have it (RFC 9110, section 13).

use crate::client::Client;
use crate::running::Running;

const KEY: &str = "/v1/kv/k";

/// A service whose key `k` has a value of the version that comes back, as its tag.
async fn written() -> (Running, Client, String) {
    let service = Running::plain().await;
    let mut client = service.client().await;
    assert_eq!(client.put(KEY, "one").await.status, 201);
    let tag = client.put(KEY, "two").await.etag().to_owned();
    (service, client, tag)
}

#[tokio::test]
async fn a_value_is_created_read_replaced_and_deleted() {
    let service = Running::plain().await;
    let mut client = service.client().await;
    let absent = client.get(KEY).await;
    assert_eq!((absent.status, absent.error().as_str()), (404, "absent"));

    let created = client.put(KEY, "one").await;
    assert_eq!(created.status, 201);
    let read = client.get(KEY).await;
    assert_eq!((read.status, &read.body[..]), (200, &b"one"[..]));
    assert_eq!(read.etag(), created.etag());
    assert_eq!(read.header("content-type"), Some("application/octet-stream"));
    assert_eq!(read.header("cache-control"), Some("no-cache"));

    let replaced = client.put(KEY, "").await;
    assert_eq!(replaced.status, 204);
    assert_ne!(replaced.etag(), created.etag());
    let looked = client.send("HEAD", KEY, &[], "").await;
    assert_eq!((looked.status, looked.header("content-length")), (200, Some("0")));
    assert_eq!(looked.etag(), replaced.etag());

    assert_eq!(client.delete(KEY).await.status, 204);
    assert_eq!(client.get(KEY).await.status, 404);
    assert_eq!(client.delete(KEY).await.status, 404);
    let again = client.put(KEY, "three").await;
    assert_eq!(again.status, 201);
    assert_ne!(again.etag(), created.etag(), "a version is never used twice");
    assert_ne!(again.etag(), replaced.etag(), "a version is never used twice");
}

/// `{}` in a header stands for the present tag, quotes and all.
#[tokio::test]
async fn a_write_happens_exactly_when_its_conditions_are_met() {
    for (headers, status) in [
        (&[("if-match", "{}")][..], 204),
        (&[("if-match", "\"999\"")], 412),
        (&[("if-match", "\"999\", {}")], 204),
        (&[("if-match", "\"999\""), ("if-match", "{}")], 204),
        (&[("if-match", "W/{}")], 412),
        (&[("if-match", "*")], 204),
        (&[("if-none-match", "*")], 412),
        (&[("if-none-match", "{}")], 412),
        (&[("if-none-match", "W/{}")], 412),
        (&[("if-none-match", "\"999\"")], 204),
        (&[("if-match", "{}"), ("if-none-match", "\"999\"")], 204),
        (&[("if-match", "{}"), ("if-none-match", "*")], 412),
        (&[("if-match", "nonsense")], 400),
        (&[("if-unmodified-since", "Sat, 29 Oct 1994 19:43:31 GMT")], 204),
    ] {
        for (method, path) in [("PUT", KEY), ("DELETE", KEY), ("POST", "/v1/kv/k/append")] {
            let (_service, mut client, tag) = written().await;
            let filled: Vec<_> =
                headers.iter().map(|(name, value)| (*name, value.replace("{}", &tag))).collect();
            let filled: Vec<_> =
                filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = client.send(method, path, &filled, "three").await;
            assert_eq!(answer.status, status, "{method} {headers:?}");
            if status == 412 {
                assert_eq!(answer.etag(), tag, "{method} {headers:?}");
                assert_eq!(format!("\"{}\"", answer.problem()["version"]), tag);
            }
            let unchanged = client.get(KEY).await.body == "two";
            assert_eq!(unchanged, status != 204, "{method} {headers:?}");
        }
    }
}

#[tokio::test]
async fn where_there_is_no_value_a_write_may_demand_just_that() {
    for (name, value, status) in [
        ("if-none-match", "*", 201),
        ("if-none-match", "\"1\"", 201),
        ("if-match", "*", 412),
        ("if-match", "\"1\"", 412),
    ] {
        let service = Running::plain().await;
        let mut client = service.client().await;
        let answer = client.send("PUT", KEY, &[(name, value)], "one").await;
        assert_eq!(answer.status, status, "{name}: {value}");
        if status == 412 {
            assert_eq!(answer.header("etag"), None);
            assert!(answer.problem()["version"].is_null());
        }
        // Without the condition these would not succeed, so the condition does not count.
        assert_eq!(client.send("DELETE", "/v1/kv/none", &[(name, value)], "").await.status, 404);
        assert_eq!(client.send("GET", "/v1/kv/none", &[(name, value)], "").await.status, 404);
    }
}

#[tokio::test]
async fn a_read_is_spared_what_the_client_has() {
    let (_service, mut client, tag) = written().await;
    for method in ["GET", "HEAD"] {
        for (name, value, status) in [
            ("if-none-match", "{}", 304),
            ("if-none-match", "W/{}", 304),
            ("if-none-match", "\"999\", {}", 304),
            ("if-none-match", "*", 304),
            ("if-none-match", "\"999\"", 200),
            ("if-match", "{}", 200),
            ("if-match", "\"999\"", 412),
            ("if-match", "W/{}", 412),
        ] {
            let value = value.replace("{}", &tag);
            let answer = client.send(method, KEY, &[(name, &value)], "").await;
            assert_eq!((answer.status, answer.etag()), (status, tag.as_str()), "{name}: {value}");
            if status == 304 {
                assert!(answer.body.is_empty());
                assert_ne!(answer.header("content-length"), Some("0"));
            }
        }
    }
}

#[tokio::test]
async fn integers_are_added_to() {
    let service = Running::plain().await;
    let mut client = service.client().await;
    for (path, status, body) in [
        ("/v1/kv/n/increment", 200, "1"),
        ("/v1/kv/n/increment?by=41", 200, "42"),
        ("/v1/kv/n/increment?by=-50", 200, "-8"),
        ("/v1/kv/n/increment?by=-9223372036854775800", 200, "-9223372036854775808"),
    ] {
        let answer = client.post(path, "").await;
        assert_eq!((answer.status, &answer.body[..]), (status, body.as_bytes()), "{path}");
        assert_eq!(answer.header("content-location"), Some("/v1/kv/n"));
        let read = client.get("/v1/kv/n").await;
        assert_eq!((read.etag(), &read.body), (answer.etag(), &answer.body));
    }
    let overflow = client.post("/v1/kv/n/increment?by=-1", "").await;
    assert_eq!((overflow.status, overflow.error().as_str()), (409, "overflow"));
    client.put("/v1/kv/n", "forty").await;
    let word = client.post("/v1/kv/n/increment", "").await;
    assert_eq!((word.status, word.error().as_str()), (409, "not-an-integer"));
    assert_eq!(client.post("/v1/kv/n/increment?by=much", "").await.error(), "bad-query");
}

#[tokio::test]
async fn an_increment_that_ended_unknown_can_be_repeated_under_its_condition() {
    let service = Running::plain().await;
    let mut client = service.client().await;
    let before = client.post("/v1/kv/n/increment", "").await.etag().to_owned();
    let condition = [("if-match", before.as_str())];
    let first = client.send("POST", "/v1/kv/n/increment", &condition, "").await;
    assert_eq!((first.status, &first.body[..]), (200, &b"2"[..]));
    let second = client.send("POST", "/v1/kv/n/increment", &condition, "").await;
    assert_eq!((second.status, second.etag()), (412, first.etag()));
}

#[tokio::test]
async fn many_clients_count_by_compare_and_set_and_lose_nothing() {
    const CLIENTS: usize = 8;
    const EACH: usize = 20;
    let service = Running::plain().await;
    service.client().await.put(KEY, "0").await;
    let mut counting = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = service.client().await;
        counting.push(tokio::spawn(async move {
            let mut left = EACH;
            while left > 0 {
                let read = client.get(KEY).await;
                assert_eq!(read.status, 200);
                let number: usize = std::str::from_utf8(&read.body).unwrap().parse().unwrap();
                let condition = [("if-match", read.etag())];
                let next = (number + 1).to_string();
                match client.send("PUT", KEY, &condition, next).await.status {
                    204 => left -= 1,
                    status => assert_eq!(status, 412),
                }
            }
        }));
    }
    for client in counting {
        client.await.unwrap();
    }
    let sum = service.client().await.get(KEY).await.body;
    assert_eq!(sum, (CLIENTS * EACH).to_string());
}
