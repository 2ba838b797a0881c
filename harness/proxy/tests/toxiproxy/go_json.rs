//! JSON as Go's decoder takes it, which is what clients and configurations were written for: field
//! names in any case, the last of two, `null` for nothing, and no look at what follows the document.

use crate::support::{Echo, Server, conversation, echoes};
use std::time::{Duration, Instant};

const P: &str = r#"{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}"#;

/// The attributes of the toxic that `body` makes.
async fn made(body: &str) -> String {
    let server = Server::start().await;
    assert_eq!(server.ask("POST /proxies", P).await.0, 201);
    let (status, answer) = server.ask("POST /proxies/p/toxics", body).await;
    assert_eq!(status, 200, "{body}: {answer}");
    answer
}

#[tokio::test]
async fn fields_of_a_toxic_are_known_in_any_case() {
    let latency = r#"{"attributes":{"jitter":0,"latency":500},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}"#;
    for body in [
        r#"{"type":"latency","attributes":{"Latency":500}}"#,
        r#"{"TYPE":"latency","ATTRIBUTES":{"LATENCY":500}}"#,
        r#"{"Type":"latency","Attributes":{"lAtEnCy":500},"Toxicity":1}"#,
        // The Kelvin sign and the long s fold to k and s.
        r#"{"type":"latency","attribute\u017f":{"latency":500}}"#,
        // The last of two is what counts, in whatever case, and null is no value.
        r#"{"type":"latency","attributes":{"latency":1,"Latency":500}}"#,
        r#"{"type":"latency","attributes":{"Latency":1,"latency":500}}"#,
        r#"{"type":"noop","type":"latency","attributes":{"latency":500}}"#,
        r#"{"type":"latency","Type":null,"attributes":{"latency":500,"Latency":null,"jitter":null}}"#,
        r#"{"name":null,"stream":null,"toxicity":null,"type":"latency","attributes":{"latency":500}}"#,
    ] {
        assert_eq!(made(body).await, latency, "{body}");
    }
    let slow = r#"{"Name":"bw","Stream":"upstream","Type":"bandwidth","Attributes":{"Rate":100}}"#;
    assert_eq!(
        made(slow).await,
        r#"{"attributes":{"rate":100},"name":"bw","type":"bandwidth","stream":"upstream","toxicity":1}"#
    );
    let slicer =
        r#"{"type":"slicer","attributes":{"Average_Size":64,"SIZE_VARIATION":8,"Delay":5}}"#;
    assert!(made(slicer).await.contains(r#"{"average_size":64,"delay":5,"size_variation":8}"#));
    assert!(
        made(r#"{"type":"loss","attributes":{"Per_Mille":7}}"#).await.contains(r#""per_mille":7"#)
    );
}

#[tokio::test]
async fn a_latency_written_large_delays() {
    let echo = Echo::start().await;
    let body = r#"{"type":"latency","attributes":{"Latency":100}}"#;
    assert_eq!(echo.server.ask("POST /proxies/p/toxics", body).await.0, 200);
    let mut client = echo.client().await;
    let began = Instant::now();
    echoes(&mut client, b"late").await;
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_update_knows_fields_in_any_case() {
    let server = Server::start().await;
    let text = conversation(
        &server,
        &[
            ("POST /proxies", P),
            (
                "POST /proxies/p/toxics",
                r#"{"name":"t","type":"latency","attributes":{"latency":5,"jitter":3}}"#,
            ),
            ("PATCH /proxies/p/toxics/t", r#"{"Attributes":{"LATENCY":7}}"#),
            ("POST /proxies/p/toxics/t", r#"{"Toxicity":0.5,"attributes":null}"#),
            ("PATCH /proxies/p/toxics/t", r#"{"attributes":{"Jitter":1,"jitter":2}} and more"#),
            ("PATCH /proxies/p", r#"{"Enabled":false}"#),
            ("PATCH /proxies/p", r#"{"UPSTREAM":"b:1","enabled":null}}}"#),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies {"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}
      201 {"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[]}
    POST /proxies/p/toxics {"name":"t","type":"latency","attributes":{"latency":5,"jitter":3}}
      200 {"attributes":{"jitter":3,"latency":5},"name":"t","type":"latency","stream":"downstream","toxicity":1}
    PATCH /proxies/p/toxics/t {"Attributes":{"LATENCY":7}}
      200 {"attributes":{"jitter":3,"latency":7},"name":"t","type":"latency","stream":"downstream","toxicity":1}
    POST /proxies/p/toxics/t {"Toxicity":0.5,"attributes":null}
      200 {"attributes":{"jitter":3,"latency":7},"name":"t","type":"latency","stream":"downstream","toxicity":0.5}
    PATCH /proxies/p/toxics/t {"attributes":{"Jitter":1,"jitter":2}} and more
      200 {"attributes":{"jitter":2,"latency":7},"name":"t","type":"latency","stream":"downstream","toxicity":0.5}
    PATCH /proxies/p {"Enabled":false}
      200 {"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":false,"toxics":[{"attributes":{"jitter":2,"latency":7},"name":"t","type":"latency","stream":"downstream","toxicity":0.5}]}
    PATCH /proxies/p {"UPSTREAM":"b:1","enabled":null}}}
      200 {"name":"p","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":false,"toxics":[{"attributes":{"jitter":2,"latency":7},"name":"t","type":"latency","stream":"downstream","toxicity":0.5}]}
    "#);
}

#[tokio::test]
async fn fields_of_a_proxy_are_known_in_any_case_and_what_follows_does_not_matter() {
    let server = Server::start().await;
    let text = conversation(
        &server,
        &[
            ("POST /proxies", r#"{"Name":"a","Listen":"127.0.0.1:0","Upstream":"b:1"}"#),
            ("POST /proxies", r#"{"NAME":"b","LISTEN":"127.0.0.1:0","UPSTREAM":"b:1","eNaBlEd":false}"#),
            ("POST /proxies", r#"{"name":"x","Name":"c","listen":"127.0.0.1:0","upstream":"b:1"} // that is all"#),
            ("POST /proxies", r#"{"name":"d","name":"e","listen":"127.0.0.1:0","upstream":"b:1","upstream":"b:2"}{"#),
            ("POST /populate", "[{\"Name\":\"f\",\"Listen\":\"127.0.0.1:0\",\"Upstream\":\"b:1\"}]\n// toxiproxy-cli list"),
            ("POST /populate", r#"[{"name":"g","upstream":"b:1","enabled":null,"listen":"127.0.0.1:0"}]]"#),
            // What precedes the document, and what is wrong in it, does matter.
            ("POST /populate", r#"// first [{"name":"h","upstream":"b:1"}]"#),
            ("POST /populate", r#"[{"name":"h","upstream":"b:1"},"#),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies {"Name":"a","Listen":"127.0.0.1:0","Upstream":"b:1"}
      201 {"name":"a","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]}
    POST /proxies {"NAME":"b","LISTEN":"127.0.0.1:0","UPSTREAM":"b:1","eNaBlEd":false}
      201 {"name":"b","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":false,"toxics":[]}
    POST /proxies {"name":"x","Name":"c","listen":"127.0.0.1:0","upstream":"b:1"} // that is all
      201 {"name":"c","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]}
    POST /proxies {"name":"d","name":"e","listen":"127.0.0.1:0","upstream":"b:1","upstream":"b:2"}{
      201 {"name":"e","listen":"127.0.0.1:PORT","upstream":"b:2","enabled":true,"toxics":[]}
    POST /populate [{"Name":"f","Listen":"127.0.0.1:0","Upstream":"b:1"}]
    // toxiproxy-cli list
      201 {"proxies":[{"name":"f","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]}]}
    POST /populate [{"name":"g","upstream":"b:1","enabled":null,"listen":"127.0.0.1:0"}]]
      201 {"proxies":[{"name":"g","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]}]}
    POST /populate // first [{"name":"h","upstream":"b:1"}]
      400 {"error":"bad request body: expected value at line 1 column 1","status":400,"proxies":[]}
    POST /populate [{"name":"h","upstream":"b:1"},
      400 {"error":"bad request body: EOF while parsing a value at line 1 column 31","status":400,"proxies":[]}
    "#);
}

#[test]
fn a_configuration_is_read_up_to_the_end_of_its_list() {
    for (after, names) in [
        ("", "NAME LISTEN UPSTREAM ENABLED"),
        ("\n// toxiproxy-cli toxic add -t latency r\n", "name listen upstream enabled"),
        ("]", "Name Listen Upstream Enabled"),
        ("\0\0", "name Listen upstream Enabled"),
        ("[{\"name\":", "name listen upstream enabled"),
    ] {
        let names: Vec<_> = names.split(' ').collect();
        let [name, listen, upstream, enabled] = names[..] else { unreachable!() };
        let text = format!(
            r#"[{{"{name}":"r","{listen}":"127.0.0.1:26380","{upstream}":"127.0.0.1:26379","{enabled}":true}}]{after}"#
        );
        let proxies = harness_proxy::parse_config(&text).unwrap();
        let [proxy] = &proxies[..] else { panic!("{proxies:?}") };
        let addresses = (proxy.listen.as_str(), proxy.upstream.as_str());
        assert_eq!((proxy.name.as_str(), addresses), ("r", ("127.0.0.1:26380", "127.0.0.1:26379")));
        assert!(proxy.enabled, "{text}");
    }
}
