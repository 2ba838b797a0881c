//! Acceptors that demand a password, on real servers.

use crate::client::{Client, Security};
use crate::redis::Redis;
use crate::serving::Serving;
use crate::tool::gryadka;
use std::process::Command;

/// Some servers that demand this password.
fn locked<const N: usize>(password: &str) -> [Redis; N] {
    std::array::from_fn(|_| {
        let redis = Redis::start(&["--appendonly", "yes", "--appendfsync", "always"]);
        redis.lock("no-password-yet", password);
        redis
    })
}

/// `gryadka` over these servers, which is given a password, or none.
fn over(servers: &[Redis], password: Option<&str>) -> Command {
    let urls: Vec<_> = servers.iter().map(|redis| redis.url.clone()).collect();
    let mut command = gryadka(&urls.join(","));
    command.envs(password.map(|password| ("GRYADKA_ACCEPTOR_PASSWORD", password)));
    command
}

/// Its exit code, and all that it prints.
fn run(mut command: Command, words: &str) -> (Option<i32>, String) {
    let output = command.args(words.split(' ')).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains("secret"), "{words}: {said}");
    (output.status.code(), said)
}

#[test]
fn a_password_that_is_missing_or_wrong_is_asked_for() {
    let servers: [Redis; 1] = locked("first-secret");
    for password in [None, Some("wrong-secret")] {
        for words in
            ["get k", "cluster init", "cluster status", "serve --init --listen 127.0.0.1:0"]
        {
            let (code, said) = run(over(&servers, password), words);
            assert_eq!(code, Some(64), "{words}: {said}");
            assert!(said.contains("GRYADKA_ACCEPTOR_PASSWORD"), "{words}: {said}");
            assert!(!said.contains("`gryadka cluster init` makes one"), "{words}: {said}");
        }
        let (code, said) = run(over(&servers, password), "doctor");
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("GRYADKA_ACCEPTOR_PASSWORD"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_stay_in_their_processes_and_are_rotated_by_a_restart() {
    let servers: [Redis; 5] = locked("first-secret");
    let three = &servers[..3];
    assert_eq!(run(over(three, Some("first-secret")), "cluster init").0, Some(0));
    let word = |secret: &str, redis: &Redis| format!("redis://:{secret}@{}", redis.place());
    let grow = format!("cluster grow {}", word("first-secret", &servers[3]));
    assert_eq!(run(over(three, Some("first-secret")), &grow).0, Some(0));

    let mut command = over(three, Some("first-secret"));
    command.env("GRYADKA_ADMIN_TOKEN", "an administrator's token");
    let mut service = Serving::start(command, "");
    let address = service.listens();
    let mut client = Client::connect(address.parse().unwrap(), &Security::None).await;
    assert_eq!(client.put("/v1/kv/k", "v").await.status, 201);
    let body = format!(r#"{{"acceptors": [{:?}]}}"#, word("first-secret", &servers[4]));
    let token = [("authorization", "Bearer an administrator's token")];
    let begun = client.send("POST", "/v1/cluster/grow", &token, body).await;
    assert_eq!(begun.status, 202, "{:?}", begun.body);
    let location = begun.header("location").unwrap().to_owned();
    let said = loop {
        let state = client.get(&location).await.body;
        let state = String::from_utf8(state.to_vec()).unwrap();
        if !state.contains("\"running\"") {
            break state;
        }
    };
    assert!(said.contains("\"done\"") && !said.contains("secret"), "{said}");
    assert_eq!(service.end(), Some(0));

    for redis in &servers {
        let stored = redis.stored("first-secret");
        assert!(servers.iter().all(|other| stored.contains(&other.url)), "{stored}");
        assert!(!stored.contains("secret"), "{stored}");
        redis.lock("first-secret", "second-secret");
    }
    let mut refused = Serving::start(over(three, Some("first-secret")), "");
    assert_eq!(refused.wait(), Some(64));
    // A file, and one address for all.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "second-secret\n").unwrap();
    let words = format!("--acceptor-password-file {}", file.display());
    let mut service = Serving::start(over(&servers[..1], None), &words);
    let address = service.listens();
    let mut client = Client::connect(address.parse().unwrap(), &Security::None).await;
    assert_eq!(client.get("/v1/kv/k").await.body, "v");
    assert_eq!(service.end(), Some(0));
}

#[test]
fn a_server_that_has_left_is_released_and_a_member_is_not() {
    let servers: [Redis; 3] = locked("first-secret");
    let tool = |words: &str| run(over(&servers, Some("first-secret")), words);
    assert_eq!(tool("cluster init").0, Some(0));
    let release = format!("cluster release {}", servers[2].url);
    let (code, said) = tool(&release);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("is acceptor 3 of cluster"), "{said}");
    assert_eq!(tool("cluster shrink 3").0, Some(0));
    let (code, said) = tool(&release);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with(&format!("{} is free: it has left cluster ", servers[2].url)),
        "{said}"
    );
    assert!(!servers[2].stored("first-secret").contains("retired"));
    let (code, said) = tool(&format!("{release} --json"));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(r#""cluster":null,"erased":0}"#), "{said}");
}
