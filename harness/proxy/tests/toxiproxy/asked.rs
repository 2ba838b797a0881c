//! What is asked for is done, or it is said that it is not: toxics that come with a proxy, and what
//! is misspelt or means nothing.

use crate::support::{Server, conversation};

const P: &str = r#"{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}"#;

#[tokio::test]
async fn what_is_misspelt_in_a_toxic_is_refused() {
    let server = Server::start().await;
    let text = conversation(
        &server,
        &[
            ("POST /proxies", P),
            ("POST /proxies/p/toxics", r#"{"type":"latency","attributes":{"latancy":500}}"#),
            (
                "POST /proxies/p/toxics",
                r#"{"type":"latency","attributes":{"latency":500,"Jiter":5}}"#,
            ),
            ("POST /proxies/p/toxics", r#"{"type":"latency","attribute":{"latency":500}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"latency","latency":500}"#),
            ("POST /proxies/p/toxics", r#"{"type":"timeout","toxisity":0.1}"#),
            ("POST /proxies/p/toxics", r#"{"type":"slicer","attributes":{"averageSize":64}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"noop","attributes":{"latency":1}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"reset_peer","attributes":{"delay":1}}"#),
            ("GET /proxies/p/toxics", ""),
            (
                "POST /proxies/p/toxics",
                r#"{"name":"t","type":"limit_data","attributes":{"bytes":5}}"#,
            ),
            ("PATCH /proxies/p/toxics/t", r#"{"attributes":{"byte":7}}"#),
            ("PATCH /proxies/p/toxics/t", r#"{"atributes":{"bytes":7}}"#),
            ("POST /proxies/p/toxics/t", r#"{"attributes":{"rate":7}}"#),
            ("GET /proxies/p/toxics/t", ""),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies {"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}
      201 {"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[]}
    POST /proxies/p/toxics {"type":"latency","attributes":{"latancy":500}}
      400 {"error":"bad request body: there is no attribute latancy: the type latency has latency and jitter","status":400}
    POST /proxies/p/toxics {"type":"latency","attributes":{"latency":500,"Jiter":5}}
      400 {"error":"bad request body: there is no attribute jiter: the type latency has latency and jitter","status":400}
    POST /proxies/p/toxics {"type":"latency","attribute":{"latency":500}}
      400 {"error":"bad request body: there is no field attribute: a toxic has name, type, stream, toxicity and attributes","status":400}
    POST /proxies/p/toxics {"type":"latency","latency":500}
      400 {"error":"bad request body: there is no field latency: a toxic has name, type, stream, toxicity and attributes","status":400}
    POST /proxies/p/toxics {"type":"timeout","toxisity":0.1}
      400 {"error":"bad request body: there is no field toxisity: a toxic has name, type, stream, toxicity and attributes","status":400}
    POST /proxies/p/toxics {"type":"slicer","attributes":{"averageSize":64}}
      400 {"error":"bad request body: there is no attribute averagesize: the type slicer has average_size, size_variation and delay","status":400}
    POST /proxies/p/toxics {"type":"noop","attributes":{"latency":1}}
      400 {"error":"bad request body: there is no attribute latency: the type noop has none","status":400}
    POST /proxies/p/toxics {"type":"reset_peer","attributes":{"delay":1}}
      400 {"error":"bad request body: there is no attribute delay: the type reset_peer has timeout","status":400}
    GET /proxies/p/toxics
      200 []
    POST /proxies/p/toxics {"name":"t","type":"limit_data","attributes":{"bytes":5}}
      200 {"attributes":{"bytes":5},"name":"t","type":"limit_data","stream":"downstream","toxicity":1}
    PATCH /proxies/p/toxics/t {"attributes":{"byte":7}}
      400 {"error":"bad request body: there is no attribute byte: the type limit_data has bytes","status":400}
    PATCH /proxies/p/toxics/t {"atributes":{"bytes":7}}
      400 {"error":"bad request body: there is no field atributes: a toxic has name, type, stream, toxicity and attributes","status":400}
    POST /proxies/p/toxics/t {"attributes":{"rate":7}}
      400 {"error":"bad request body: there is no attribute rate: the type limit_data has bytes","status":400}
    GET /proxies/p/toxics/t
      200 {"attributes":{"bytes":5},"name":"t","type":"limit_data","stream":"downstream","toxicity":1}
    "#);
}

#[tokio::test]
async fn attributes_of_our_own_toxics_that_mean_nothing_are_refused() {
    let server = Server::start().await;
    let text = conversation(
        &server,
        &[
            ("POST /proxies", P),
            ("POST /proxies/p/toxics", r#"{"type":"loss","attributes":{"rate":100}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"loss","attributes":{"per_mille":1001}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"loss","attributes":{"per_mille":0.5}}"#),
            (
                "POST /proxies/p/toxics",
                r#"{"type":"loss","attributes":{"per_mille":10,"usable":1}}"#,
            ),
            ("POST /proxies/p/toxics", r#"{"type":"loss","attributes":{"probability":1}}"#),
            (
                "POST /proxies/p/toxics",
                r#"{"type":"drop","attributes":{"per_mille":10,"usable":2}}"#,
            ),
            (
                "POST /proxies/p/toxics",
                r#"{"type":"drop","attributes":{"per_mille":10,"useable":1}}"#,
            ),
            ("POST /proxies/p/toxics", r#"{"type":"corrupt","attributes":{"percent":1}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"corrupt","attributes":{"per_mille":-1}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"blackhole","attributes":{"timeout":1}}"#),
            ("GET /proxies/p/toxics", ""),
            (
                "POST /proxies/p/toxics",
                r#"{"type":"drop","attributes":{"per_mille":1000,"usable":0}}"#,
            ),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies {"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}
      201 {"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[]}
    POST /proxies/p/toxics {"type":"loss","attributes":{"rate":100}}
      400 {"error":"bad request body: there is no attribute rate: the type loss has per_mille","status":400}
    POST /proxies/p/toxics {"type":"loss","attributes":{"per_mille":1001}}
      400 {"error":"bad request body: attribute per_mille is 1001: a whole number from 0 to 1000 is wanted","status":400}
    POST /proxies/p/toxics {"type":"loss","attributes":{"per_mille":0.5}}
      400 {"error":"bad request body: attribute per_mille is 0.5: a whole number from 0 to 1000 is wanted","status":400}
    POST /proxies/p/toxics {"type":"loss","attributes":{"per_mille":10,"usable":1}}
      400 {"error":"bad request body: there is no attribute usable: the type loss has per_mille","status":400}
    POST /proxies/p/toxics {"type":"loss","attributes":{"probability":1}}
      400 {"error":"bad request body: there is no attribute probability: the type loss has per_mille","status":400}
    POST /proxies/p/toxics {"type":"drop","attributes":{"per_mille":10,"usable":2}}
      400 {"error":"bad request body: attribute usable is 2: a whole number from 0 to 1 is wanted","status":400}
    POST /proxies/p/toxics {"type":"drop","attributes":{"per_mille":10,"useable":1}}
      400 {"error":"bad request body: there is no attribute useable: the type drop has per_mille and usable","status":400}
    POST /proxies/p/toxics {"type":"corrupt","attributes":{"percent":1}}
      400 {"error":"bad request body: there is no attribute percent: the type corrupt has per_mille","status":400}
    POST /proxies/p/toxics {"type":"corrupt","attributes":{"per_mille":-1}}
      400 {"error":"bad request body: attribute per_mille is -1: a whole number from 0 to 1000 is wanted","status":400}
    POST /proxies/p/toxics {"type":"blackhole","attributes":{"timeout":1}}
      400 {"error":"bad request body: there is no attribute timeout: the type blackhole has none","status":400}
    GET /proxies/p/toxics
      200 []
    POST /proxies/p/toxics {"type":"drop","attributes":{"per_mille":1000,"usable":0}}
      200 {"attributes":{"per_mille":1000,"usable":0},"name":"drop_downstream","type":"drop","stream":"downstream","toxicity":1}
    "#);
}
