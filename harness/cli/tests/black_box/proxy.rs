//! The proxy as a program: `harness proxy`.

use crate::support::{Running, Sandbox, wait_until};
use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;

/// The address after `what` in a line.
pub(crate) fn after<'a>(line: &'a str, what: &str) -> &'a str {
    let (_, rest) = line.split_once(what).unwrap_or_else(|| panic!("{what} in {line}"));
    rest.split([' ', ',']).next().unwrap().trim_end()
}

/// Starts it, and reads as many lines as it says when it is ready.
pub(crate) fn started(sandbox: &Sandbox, args: &str, lines: usize) -> (Running, Vec<String>) {
    let mut child = sandbox.command(args).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = said.by_ref().take(lines).map(Result::unwrap).collect();
    (Running::of(child), said)
}

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A server that says one thing back, once.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut byte = [0];
        while stream.read(&mut byte).is_ok_and(|count| count == 1) {
            stream.write_all(&byte).unwrap();
        }
    });
    address
}

#[test]
fn it_has_the_proxies_of_its_configuration_and_ends_when_it_is_told_to() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let sandbox = Sandbox::new();
        let config = format!(
            r#"[{{"name": "echo", "listen": "localhost:0", "upstream": "{}"}},
                {{"name": "off", "upstream": "redis:6379", "enabled": false}}]"#,
            echo()
        );
        sandbox.file("proxies.json", &config);
        let args = "proxy --listen 127.0.0.1:0 --config proxies.json --seed 7";
        let (running, said) = started(&sandbox, args, 3);
        let api = after(&said[0], "listening on http://");
        assert!(said[0].ends_with(", seed 7"), "{said:?}");
        assert!(said[2].ends_with(" to redis:6379, disabled"), "{said:?}");
        assert!(ask(api, "GET /version").contains("+gryadka"));
        assert!(ask(api, "GET /proxies/off").contains("\"enabled\":false"));

        let mut client = TcpStream::connect(after(&said[1], "echo from ")).unwrap();
        client.write_all(b"!").unwrap();
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"!");

        running.signal(signal);
        running.end().exits(0);
        let end = client.read(&mut byte).unwrap_err();
        assert_eq!(end.kind(), ErrorKind::ConnectionReset, "{signal}");
        wait_until("nobody to listen", || TcpStream::connect(api).is_err());
    }
}

#[test]
fn beyond_loopback_it_says_what_that_means() {
    let sandbox = Sandbox::new();
    let (running, said) = started(&sandbox, "proxy --listen 0.0.0.0:0", 2);
    assert!(said[1].contains("whoever reaches this address"), "{said:?}");
    running.signal(Signal::SIGTERM);
    running.end().exits(0);
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    let sandbox = Sandbox::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    sandbox.file("broken.json", "[\n  {\"name\": \"a\",}\n]");
    sandbox.file("incomplete.json", r#"[{"name": "a"}]"#);
    let listen = format!(r#"[{{"name": "a", "listen": "{taken}", "upstream": "b:1"}}]"#);
    sandbox.file("taken.json", &listen);
    let mut text = String::new();
    for args in [
        format!("proxy --listen {taken}"),
        String::from("proxy --listen nowhere"),
        String::from("proxy --listen 127.0.0.1:0 --config missing.json"),
        String::from("proxy --listen 127.0.0.1:0 --config broken.json"),
        String::from("proxy --listen 127.0.0.1:0 --config incomplete.json"),
        String::from("proxy --listen 127.0.0.1:0 --config taken.json"),
    ] {
        let ended = sandbox.harness(&args).exits(64);
        assert_eq!(ended.stdout(), "");
        text += &format!("$ harness {args}\n{}\n", ended.stderr());
    }
    insta::assert_snapshot!(text.replace(&taken, "TAKEN"), @r#"
    $ harness proxy --listen TAKEN
    harness: cannot listen on TAKEN: Address already in use (os error 98)

    $ harness proxy --listen nowhere
    harness: invalid value 'nowhere' for '--listen <ADDRESS>': an address and a port are wanted, such as 127.0.0.1:8474

    For more information, try '--help'.

    $ harness proxy --listen 127.0.0.1:0 --config missing.json
    harness: missing.json: No such file or directory (os error 2)

    $ harness proxy --listen 127.0.0.1:0 --config broken.json
    harness: broken.json: trailing comma at line 2 column 16; wanted is [{"name": …, "listen": host:port, "upstream": host:port}, …]

    $ harness proxy --listen 127.0.0.1:0 --config incomplete.json
    harness: incomplete.json: missing required field: upstream at proxy 1

    $ harness proxy --listen 127.0.0.1:0 --config taken.json
    harness: 0 of 1 proxies are there, then: listen tcp TAKEN: bind: address already in use
    "#);
}
