//! Tokens, TLS, and what the administrator may do.

use crate::client::{Answer, Client, Security};
use crate::running::{Acceptors, Running};
use gryadka_service::{Server, Settings, StartError, TlsFiles, Token, Waived};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const CLIENT: (&str, &str) = ("authorization", "Bearer a client's own token");
const ADMIN: (&str, &str) = ("authorization", "Bearer an administrator's token");
const WRONG: (&str, &str) = ("authorization", "Bearer a token that was guessed");

fn with_tokens(settings: &mut Settings) {
    settings.tokens.client = Some(Token::new("a client's own token").unwrap());
    settings.tokens.admin = Some(Token::new("an administrator's token").unwrap());
}

#[tokio::test]
async fn with_a_token_every_resource_of_the_store_asks_for_it() {
    let service = Running::with(with_tokens).await;
    let mut client = service.client().await;
    for (method, path) in [
        ("GET", "/v1/kv/k"),
        ("PUT", "/v1/kv/k"),
        ("DELETE", "/v1/kv/k"),
        ("PATCH", "/v1/kv/k"),
        ("POST", "/v1/kv/k/append"),
        ("POST", "/v1/kv/k/increment"),
        ("GET", "/v1/cluster"),
        ("GET", "/v1/cluster/operations/1"),
        ("POST", "/v1/cluster/rescan"),
    ] {
        for headers in [&[][..], &[WRONG]] {
            let answer = client.send(method, path, headers, "").await;
            assert_eq!((answer.status, answer.error().as_str()), (401, "unauthorized"), "{path}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        assert!(client.get(path).await.status < 300, "{path}");
    }
    assert_eq!(client.send("PUT", "/v1/kv/k", &[CLIENT], "x").await.status, 201);
    assert_eq!(client.send("GET", "/v1/kv/k", &[ADMIN], "").await.body, "x");
}

#[tokio::test]
async fn the_cluster_is_changed_by_its_administrator_alone() {
    let mut service = Running::with(with_tokens).await;
    let mut client = service.client().await;
    let fresh = service.acceptors.add();
    for (path, body) in [
        ("/v1/cluster/shrink", r#"{"acceptors": [3]}"#),
        ("/v1/cluster/grow", &format!(r#"{{"acceptors": [{:?}]}}"#, service.acceptors.url(2))),
        ("/v1/cluster/replace", &format!(r#"{{"old": 2, "new": {:?}}}"#, fresh)),
        ("/v1/cluster/rescan", ""),
        ("/v1/cluster/collect", ""),
        ("/v1/cluster/resume", ""),
        ("/v1/cluster/cancel", ""),
    ] {
        let refused = client.send("POST", path, &[CLIENT], body.to_owned()).await;
        assert_eq!((refused.status, refused.error().as_str()), (403, "forbidden"));
        let accepted = client.send("POST", path, &[ADMIN], body.to_owned()).await;
        assert_eq!(accepted.status, 202, "{path}");
        let location = accepted.header("location").unwrap().to_owned();
        let mut operation = json(&accepted);
        while operation["state"] == "running" {
            operation = json(&client.send("GET", &location, &[CLIENT], "").await);
        }
        assert_eq!(operation["kind"], path.rsplit('/').next().unwrap());
        assert_eq!(operation["state"], "done", "{operation}");
    }
    for id in ["99", "0", "-1", "x", "%ff"] {
        let path = format!("/v1/cluster/operations/{id}");
        let unknown = client.send("GET", &path, &[ADMIN], "").await;
        assert_eq!((unknown.status, unknown.error().as_str()), (404, "no-operation"));
    }
}

fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn without_an_administrators_token_the_cluster_cannot_be_changed() {
    let service = Running::plain().await;
    let mut client = service.client().await;
    assert_eq!(client.post("/v1/cluster/rescan", "").await.status, 403);
    assert_eq!(client.get("/v1/cluster").await.status, 200);
}

#[tokio::test]
async fn without_a_token_pages_in_browsers_are_not_served() {
    let service = Running::plain().await;
    let mut client = service.client().await;
    let page = ("origin", "https://example.org");
    for (method, path) in [("POST", "/v1/kv/k/append"), ("PUT", "/v1/kv/k"), ("GET", "/v1/cluster")]
    {
        let answer = client.send(method, path, &[page], "x").await;
        assert_eq!((answer.status, answer.error().as_str()), (403, "forbidden"), "{path}");
    }
    assert_eq!(client.get("/v1/kv/k").await.status, 404);
    // A page whose own name was resolved to this machine (DNS rebinding) sends no origin.
    let rebound = client.send("GET", "/v1/kv/k", &[("host", "example.org:7480")], "").await;
    assert_eq!((rebound.status, rebound.error().as_str()), (403, "forbidden"));
}

#[tokio::test]
async fn a_service_that_others_may_reach_without_a_token_is_reached_by_any_name() {
    let service = Running::with(|settings| {
        settings.listen = "0.0.0.0:0".parse().unwrap();
        settings.waived = Waived { token: true, tls: true };
    })
    .await;
    let mut client = service.client().await;
    let named = ("host", "p1.example:7480");
    assert_eq!(client.send("PUT", "/v1/kv/k", &[named], "x").await.status, 201);
    assert_eq!(client.send("GET", "/v1/kv/k", &[named], "").await.body, "x");
    let page =
        client.send("GET", "/v1/kv/k", &[named, ("origin", "https://example.org")], "").await;
    assert_eq!((page.status, page.error().as_str()), (403, "forbidden"));
}

#[tokio::test]
async fn bodies_that_ask_for_nothing_sensible_are_refused() {
    let service = Running::with(with_tokens).await;
    let mut client = service.client().await;
    for (path, body) in [
        ("/v1/cluster/grow", ""),
        ("/v1/cluster/grow", "{}"),
        ("/v1/cluster/grow", r#"{"acceptors": []}"#),
        ("/v1/cluster/grow", r#"{"acceptors": [4]}"#),
        ("/v1/cluster/grow", r#"{"acceptors": ["redis://a:1"], "rescan": "copy"}"#),
        ("/v1/cluster/shrink", r#"{"acceptors": "redis://u:secret@a:1"}"#),
        ("/v1/cluster/grow", r#"{"acceptors": ["redis://a:1"], "force": true}"#),
        ("/v1/cluster/shrink", r#"{"acceptors": [-1]}"#),
        ("/v1/cluster/shrink", r#"{"acceptors": []}"#),
        ("/v1/cluster/replace", r#"{"old": 1}"#),
        ("/v1/cluster/replace", r#"{"old": 1, "new": "redis://a:1", "rescan": "copy"}"#),
    ] {
        let answer = client.send("POST", path, &[ADMIN], body).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "bad-body"), "{path} {body}");
        assert!(!answer.problem().to_string().contains("secret"), "{:?}", answer.body);
    }
    for (path, body) in [
        ("/v1/cluster/grow", r#"{"acceptors": ["http://example.org"]}"#),
        (
            "/v1/cluster/grow",
            r#"{"acceptors": ["redis://127.0.0.1:1", "redis://u:secret@a:port"]}"#,
        ),
        ("/v1/cluster/replace", r#"{"old": 1, "new": "native://"}"#),
    ] {
        let answer = client.send("POST", path, &[ADMIN], body).await;
        assert_eq!((answer.status, answer.error().as_str()), (422, "bad-address"), "{body}");
        assert!(!answer.problem().to_string().contains("secret"), "{:?}", answer.body);
    }
}

#[tokio::test]
async fn the_clusters_state_shows_which_acceptors_answer() {
    let mut service = Running::plain().await;
    service.acceptors.stop(1);
    let state = json(&service.client().await.get("/v1/cluster").await);
    let health: Vec<_> = state["acceptors"].as_array().unwrap().iter().collect();
    for fact in ["reachable", "votes"] {
        let facts: Vec<_> = health.iter().map(|acceptor| &acceptor[fact]).collect();
        assert_eq!(facts, [true, false, true], "{fact}");
    }
    assert!(health[0]["error"].is_null() && health[1]["error"].is_string());
    assert_eq!(health[2]["address"], service.acceptors.url(2));
    assert_eq!((&state["epoch"], &state["rescan_complete"]), (&1.into(), &true.into()));
    assert_eq!(state["accept"]["members"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn it_speaks_tls_with_the_certificate_it_was_given() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed([String::from("localhost")]).unwrap();
    let files = TlsFiles {
        certificate: directory.path().join("cert.pem"),
        key: directory.path().join("key.pem"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let security = Security::Tls(Arc::new(config));

    let service = Running::over(Acceptors::three(), security, |settings| {
        // As it would be for others to reach, though for this test they cannot.
        settings.tls = Some(files);
        with_tokens(settings);
    })
    .await;
    let mut client = service.client().await;
    assert_eq!(client.send("PUT", "/v1/kv/k", &[CLIENT], "secret").await.status, 201);
    assert_eq!(client.send("GET", "/v1/kv/k", &[CLIENT], "").await.body, "secret");
    // A client that does not speak TLS gets no answer, and does no harm.
    let address = service.address;
    let plain = tokio::spawn(async move {
        Client::connect(address, &Security::None).await.get("/healthz").await
    });
    assert!(plain.await.is_err());
    assert_eq!(client.get("/healthz").await.status, 204);
}

#[tokio::test]
async fn it_does_not_start_where_others_could_reach_it_without_safeguards() {
    let start = async |change: fn(&mut Settings)| {
        let gryadka = Acceptors::three().join().await;
        let mut settings = Settings::new("0.0.0.0:0".parse().unwrap());
        change(&mut settings);
        Server::bind(settings, gryadka).await
    };
    assert!(matches!(start(|_| ()).await, Err(StartError::Exposed(_))));
    assert!(matches!(start(with_tokens).await, Err(StartError::Exposed(_))));
    let missing = start(|settings| {
        with_tokens(settings);
        let nowhere = || "/nonexistent.pem".into();
        settings.tls = Some(TlsFiles { certificate: nowhere(), key: nowhere() });
    });
    assert!(matches!(missing.await, Err(StartError::Tls(_))));
}
