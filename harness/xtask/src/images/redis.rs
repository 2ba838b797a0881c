//! Redis 8: the registry's, or else the one that Debian has.

use super::{pull, workshop};
use crate::programs::{as_root, install, installed, run, say};
use anyhow::{Context, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// The ordinary name.
pub(super) const IMAGE: &str = "redis:8";

/// The release of Debian that has Redis 8, and where it is had.
const RELEASE: &str = "trixie";
const MIRROR: &str = "http://deb.debian.org/debian";

/// What no container needs of a Debian system.
const CLUTTER: &[&str] =
    &["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"];

/// As the registry's image has it, as far as it is asked of here.
const SETTINGS: &[&str] =
    &["WORKDIR /data", "VOLUME /data", "EXPOSE 6379", "CMD [\"redis-server\"]"];

pub(super) fn get(name: &str) -> anyhow::Result<()> {
    if pull(name) {
        return Ok(());
    }
    say(&format!("{name}: no registry has it for us; Debian {RELEASE} has Redis 8"))?;
    if !installed("debootstrap") {
        install("debootstrap", &["debootstrap", "debian-archive-keyring"])?;
    }
    let directory = workshop(name)?;
    let root = directory.join("root");
    let made = bootstrap(&root).and_then(|()| import(&root, name));
    // Its files belong to root.
    let directory = path(&directory)?;
    run(&mut as_root(&["rm", "-rf", "--one-file-system", directory]))?;
    made
}

fn bootstrap(root: &Path) -> anyhow::Result<()> {
    let place = path(root)?;
    let mut debootstrap = as_root(&[
        "debootstrap",
        "--variant=minbase",
        "--include=redis-server",
        RELEASE,
        place,
        MIRROR,
    ]);
    run(debootstrap.stdout(Stdio::null()))?;
    for clutter in CLUTTER {
        let clutter = root.join(clutter);
        run(&mut as_root(&["rm", "-rf", "--one-file-system", path(&clutter)?]))?;
    }
    let data = root.join("data");
    run(&mut as_root(&["mkdir", "-p", path(&data)?]))
}

fn import(root: &Path, name: &str) -> anyhow::Result<()> {
    let mut tar =
        as_root(&["tar", "--create", "--one-file-system", "--directory", path(root)?, "."]);
    let mut tar = tar.stdout(Stdio::piped()).spawn().context("cannot run tar")?;
    let mut import = Command::new("docker");
    import.arg("import").args(SETTINGS.iter().flat_map(|setting| ["--change", setting]));
    // It gets its name only when it is whole.
    let unfinished = format!("gryadka-unfinished:{}", std::process::id());
    import.args(["-", &unfinished]).stdin(tar.stdout.take().context("tar has no output")?);
    let imported = run(import.stdout(Stdio::null()));
    let status = tar.wait()?;
    imported?;
    if status.success() {
        run(Command::new("docker").args(["tag", &unfinished, name]))?;
    }
    run(Command::new("docker").args(["rmi", &unfinished]).stdout(Stdio::null()))?;
    if !status.success() {
        bail!("tar failed: {status}");
    }
    Ok(())
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("{} is no text", path.display()))
}
