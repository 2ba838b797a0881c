//! The project's own image out of executables that are built already: nothing of a distribution, and no
//! shell.

use super::{target, workshop};
use crate::programs::{cargo, output, run};
use anyhow::Context;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How cargo builds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Profile {
    /// Soon.
    Dev,
    /// For use.
    Release,
}

const NAMES: [&str; 2] = ["gryadka", "harness"];

/// What an image is made of, beside files. Nobody in it needs to be root.
const DOCKERFILE: &str = "FROM scratch
COPY root/ /
USER 65534:65534
EXPOSE 7480
ENTRYPOINT [\"/usr/local/bin/gryadka\"]
";

/// Files that the C library looks for.
const ETC: [(&str, &str); 3] = [
    ("etc/passwd", "root:x:0:0:root:/:\nnobody:x:65534:65534:nobody:/:\n"),
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("etc/nsswitch.conf", "hosts: files dns\n"),
];

/// Builds the executables.
pub(crate) fn build(profile: Profile) -> anyhow::Result<Vec<PathBuf>> {
    let mut cargo = cargo();
    cargo.args(["build", "--locked", "--package", "gryadka-service", "--package", "harness"]);
    match profile {
        Profile::Dev => {}
        Profile::Release => drop(cargo.arg("--release")),
    }
    run(&mut cargo)?;
    binaries(profile)
}

/// Where cargo has put the executables.
pub(crate) fn binaries(profile: Profile) -> anyhow::Result<Vec<PathBuf>> {
    let directory = target()?.join(match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    });
    Ok(NAMES.iter().map(|name| directory.join(name)).collect())
}

/// Makes an image of these executables and the libraries that they are linked with.
pub(crate) fn pack(name: &str, executables: &[PathBuf]) -> anyhow::Result<()> {
    let directory = workshop(name)?;
    let packed = fill(&directory, executables).and_then(|()| {
        let mut docker = Command::new("docker");
        docker.args(["build", "--quiet", "--tag", name]).arg(&directory);
        run(docker.stdout(Stdio::null()))
    });
    fs::remove_dir_all(&directory)?;
    packed
}

fn fill(directory: &Path, executables: &[PathBuf]) -> anyhow::Result<()> {
    let root = directory.join("root");
    for executable in executables {
        let name = executable.file_name().context("an executable has a name")?;
        copy(executable, &root.join("usr/local/bin").join(name))?;
        for library in libraries(&output(Command::new("ldd").arg(executable))?) {
            let place = library.strip_prefix("/").unwrap_or(&library);
            copy(&library, &root.join(place))?;
        }
    }
    for (name, text) in ETC {
        let file = root.join(name);
        make_parent(&file)?;
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    fs::write(directory.join("Dockerfile"), DOCKERFILE)?;
    Ok(())
}

/// What `ldd` says is needed, as files.
fn libraries(said: &str) -> Vec<PathBuf> {
    let path =
        |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    said.lines().filter_map(path).collect()
}

/// Copies a file, and not a link to it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    make_parent(to)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn make_parent(file: &Path) -> anyhow::Result<()> {
    let parent = file.parent().context("a file has a directory")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_where_ldd_says_that_they_are() {
        let said = "\tlinux-vdso.so.1 (0x00007fee)\n\
                    \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fef)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007ff0)\n";
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(libraries(said), expected.map(PathBuf::from));
        assert!(libraries("\tstatically linked\n").is_empty());
    }
}
