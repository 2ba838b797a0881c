//! `gryadka serve`.

mod waiting;

use super::options;
use super::secret::{secret, source};
use crate::args::{AccessArgs, LimitArgs, ServeArgs};
use crate::exit::{CommandOutcome, Failure};
use crate::service::{Drained, Server, StartError};
use crate::settings::{Limits, Settings, TlsFiles, Token, Tokens, Waived};
use gryadka::ConnectOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Where tokens come from when no file is named.
const TOKEN: &str = "GRYADKA_TOKEN";
const ADMIN_TOKEN: &str = "GRYADKA_ADMIN_TOKEN";

pub(crate) async fn serve(args: ServeArgs) -> Result<CommandOutcome, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::io("signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::io("signals"))?;
    let (cluster, timeout, pause) = (cluster(&args)?, args.start_timeout, args.collect_every);
    let settings = settings(args)?;
    // Settings that are not allowed fail before the acceptors are waited for.
    settings.check_exposure().map_err(StartError::from)?;
    let gryadka = tokio::select! {
        connected = waiting::connect(cluster, timeout) => connected?,
        () = either(&mut terminate, &mut interrupt) => return Ok(CommandOutcome::Done),
    };
    let server = Server::bind(settings, gryadka.clone()).await?;
    if !pause.is_zero() {
        tokio::spawn(async move { gryadka.keep_collecting(pause).await });
    }
    writeln!(io::stderr(), "gryadka: listening on {}", server.address())
        .map_err(Failure::io("stderr"))?;
    match server.run(either(&mut terminate, &mut interrupt)).await {
        Drained::Finished => tracing::info!("all requests in progress were finished"),
        Drained::CutOff => {
            tracing::warn!("--shutdown-grace is over: the requests still in progress are cut off")
        }
    }
    Ok(CommandOutcome::Done)
}

fn cluster(args: &ServeArgs) -> Result<ConnectOptions, Failure> {
    let mut options = options(&args.store.place)?;
    options.cache = args.cache;
    options.initialise = args.init;
    // One limit is enough: the service's, which clients get in its errors.
    options.limits.value = args.limits.max_value as usize;
    Ok(options)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => (),
        _ = interrupt.recv() => (),
    }
}

fn settings(args: ServeArgs) -> Result<Settings, Failure> {
    let AccessArgs {
        token_file,
        admin_token_file,
        tls_cert,
        tls_key,
        insecure_no_token,
        insecure_no_tls,
    } = args.access;
    let tls = tls_cert.zip(tls_key).map(|(certificate, key)| TlsFiles { certificate, key });
    Ok(Settings {
        listen: args.listen,
        tokens: Tokens {
            client: token(token_file.as_deref(), TOKEN)?,
            admin: token(admin_token_file.as_deref(), ADMIN_TOKEN)?,
        },
        tls,
        waived: Waived { token: insecure_no_token, tls: insecure_no_tls },
        limits: limits(&args.limits, args.store.timeout)?,
        shutdown_grace: args.shutdown_grace,
    })
}

fn limits(args: &LimitArgs, timeout: Duration) -> Result<Limits, Failure> {
    let value_bytes = args.max_value as usize;
    let usual = Limits::default().body_bytes.max(value_bytes.saturating_mul(4));
    let body_bytes = args.max_bodies.unwrap_or(usual);
    if body_bytes < value_bytes {
        let text = format!(
            "--max-bodies {body_bytes}: one value may have {value_bytes} bytes (--max-value); give as many"
        );
        return Err(Failure::Usage(text));
    }
    Ok(Limits {
        timeout,
        read_timeout: args.read_timeout,
        write_timeout: args.write_timeout,
        value_bytes,
        body_bytes,
        requests: args.max_requests,
        connections: args.max_connections,
    })
}

/// The token from the file, or else from the environment. An empty one is an error rather than none.
fn token(file: Option<&Path>, variable: &str) -> Result<Option<Token>, Failure> {
    let wrong = |error| Failure::Usage(format!("{}: {error}", source(file, variable)));
    let text = secret(file, variable)?;
    text.map(|text| Token::new(&text)).transpose().map_err(wrong)
}
