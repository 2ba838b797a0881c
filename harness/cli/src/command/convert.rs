//! `harness convert`

use super::print_data;
use crate::args::ConvertArgs;
use crate::exit::{End, Failure};
use crate::histories::{self, Named};
use crate::progress::say;
use std::fs::File;
use std::io::BufWriter;

pub(super) fn convert(args: &ConvertArgs) -> Result<End, Failure> {
    let mut histories = histories::read(&args.input)?;
    let (Some(Named { name, history }), true) = (histories.pop(), histories.is_empty()) else {
        return Err(Failure::usage(
            "one history at a time is converted; say --merge if the files are parts of one",
        ));
    };
    if let Some(torn) = &history.torn {
        say(format!("{name}: {torn}"));
    }
    if let Some(header) = history.header.as_ref().filter(|_| !args.to.has_header()) {
        let (to, model, initial) = (args.to, &header.model, &header.initial);
        say(format!("{to} has no header; its check needs --model {model} --initial '{initial}'"));
    }
    match &args.output {
        Some(path) => {
            let cannot = |error| Failure::usage(format!("{}: {error}", path.display()));
            let file = File::create_new(path).map_err(cannot)?;
            args.to.write(&history, BufWriter::new(file)).map_err(cannot)?;
        }
        None => {
            let mut text = Vec::new();
            args.to.write(&history, &mut text)?;
            print_data(&String::from_utf8_lossy(&text))?;
        }
    }
    Ok(End::Done)
}
