//! The doctor, on real servers.

use crate::redis::Redis;
use crate::tool::gryadka;
use std::net::TcpListener;
use std::process::{Output, Stdio};

fn run(acceptors: &str, words: &str) -> (Option<i32>, String) {
    let output: Output =
        gryadka(acceptors).args(words.split(' ')).stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

#[test]
fn a_durable_server_is_well_before_and_after_it_is_an_acceptor() {
    let redis = Redis::start(DURABLE);
    let (code, said) = run(&redis.url, "doctor --strict");
    assert!(said.contains("belongs to no cluster yet"), "{said}");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&redis.url, "cluster init");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&redis.url, "doctor --strict");
    assert!(said.contains("acceptor 1 of cluster"), "{said}");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_is_wrong_decides_the_exit_code() {
    for (settings, words, code, says) in [
        (&["--appendonly", "yes"][..], "doctor", 0, "warning  persistence  appendfsync everysec"),
        (&["--appendonly", "yes"], "doctor --strict", 1, "dangers: 0, warnings: 1"),
        (&[], "doctor", 2, "danger   persistence  none"),
        (&["--save", "60 1"], "doctor", 2, "without its last promises"),
        (
            &[DURABLE, &["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"]].concat(),
            "doctor",
            2,
            "danger   eviction     allkeys-lru",
        ),
        (
            &[DURABLE, &["--user", "default", "on", "nopass", "~*", "+@all", "-evalsha"]].concat(),
            "doctor",
            2,
            "danger   scripts      refused",
        ),
    ] {
        let redis = Redis::start(settings);
        let (ended, said) = run(&redis.url, words);
        assert!(said.contains(says), "{settings:?}: {said}");
        assert_eq!(ended, Some(code), "{settings:?}: {said}");
    }
}

#[test]
fn a_server_that_lost_its_data_is_distinguished_from_one_that_does_not_answer() {
    let mut all = [Redis::start(DURABLE), Redis::start(DURABLE), Redis::start(DURABLE)];
    let urls = all.each_ref().map(|redis| redis.url.clone());
    assert_eq!(run(&urls.join(","), "cluster init").0, Some(0));
    // Everything is gone from one, and another is stopped. The address of one is enough to see all.
    assert_eq!(all[1].says("FLUSHALL").unwrap(), "+OK\r\n");
    let (_, said) = run(&urls[2], "doctor");
    assert!(said.contains("ok       quorum") || said.contains("warning  quorum"), "{said}");
    assert!(!said.contains("is not finished") && !said.contains("changing to"), "{said}");
    all[2].kill();
    let (code, said) = run(&urls[0], "doctor");
    assert!(said.contains(&format!("`gryadka cluster replace 2 {}`", urls[1])), "{said}");
    assert!(said.contains("danger   reachable"), "{said}");
    assert!(said.contains("danger   quorum       of 1, 2, 3, only [1] vote: no quorum"), "{said}");
    assert_eq!(code, Some(2));
}

#[test]
fn servers_that_speak_tls_are_trusted_by_the_roots_that_are_named() {
    let made = rcgen::generate_simple_self_signed([String::from("localhost")]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let tls = ["--tls-port", &port, "--tls-auth-clients", "no", "--tls-cert-file", certificate];
    let files = ["--tls-key-file", key, "--tls-ca-cert-file", certificate];
    let _redis = Redis::start(&[DURABLE, &tls, &files].concat());
    let url = format!("rediss://localhost:{port}");
    let (code, said) = run(&url, "doctor");
    assert!(said.contains("danger   reachable"), "{said}");
    assert_eq!(code, Some(2));
    let (code, said) = run(&url, &format!("doctor --tls-roots {certificate}"));
    assert_eq!(code, Some(0), "{said}");
}
