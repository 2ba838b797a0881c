//! An image of the harness's own executable: whatever runs in containers of ours needs nothing else.
//!
//! It holds the executable, the libraries that it is linked with, `/etc/passwd` and `/tmp`, and is
//! named by the executable's content: what was built once is not built again, and two builds never
//! share a name.

use super::archive::{self, Entry};
use super::daemon::{DockerError, status};
use super::{image, names};
use crate::progress::say;
use bollard::Docker;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, BuilderVersion, ListImagesOptionsBuilder, RemoveImageOptions,
};
use futures_util::StreamExt;
use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

/// The repository of these images.
const REPOSITORY: &str = "gryadka-harness";

/// Where this process's executable is, whatever has become of the file that it was started from.
const MYSELF: &str = "/proc/self/exe";

/// Sees that the image of this executable is there, builds it when it is not, and answers its name.
pub(crate) async fn ensure(docker: &Docker) -> Result<String, DockerError> {
    let executable = executable()?;
    let name = name_of(&executable);
    if image::is_there(docker, &name).await? {
        return Ok(name);
    }
    let locked = tokio::task::spawn_blocking(lock).await;
    let _lock = locked.map_err(|error| DockerError::OwnImage(error.to_string()))??;
    // Another run of this executable may have built it meanwhile.
    if image::is_there(docker, &name).await? {
        return Ok(name);
    }
    let context = context(executable, &libraries()?)?;
    let size = context.len() / 1_000_000;
    say(format!(
        "making the image {name} of the harness's own executable, {size} MB; it stays for later runs, `docker rmi {name}` removes it, and `harness heal` those of other builds"
    ));
    build(docker, &name, context).await?;
    Ok(name)
}

/// Waits until no other run of this executable builds its image. The lock is on the executable: who
/// runs another one builds another image. It ends with the file that is answered.
fn lock() -> Result<File, DockerError> {
    let locked = File::open(MYSELF).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|error| DockerError::OwnImage(format!("{MYSELF}: {error}")))
}

/// Images of other executables of ours: what builds of the harness leave that are not run any more.
///
/// # Errors
/// When the daemon does not tell.
pub(crate) async fn others(docker: &Docker) -> Result<Vec<String>, DockerError> {
    let own = name_of(&executable()?);
    let mut names = all(docker).await?;
    names.retain(|name| *name != own);
    Ok(names)
}

/// Images of executables of ours, this one's included.
///
/// # Errors
/// When the daemon does not tell.
pub(crate) async fn all(docker: &Docker) -> Result<Vec<String>, DockerError> {
    let filters = HashMap::from([("label", vec![names::IMAGE])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    let images = docker.list_images(Some(options)).await;
    let images = images.map_err(DockerError::call("list images"))?;
    let mut names: Vec<_> = images.into_iter().flat_map(|image| image.repo_tags).collect();
    names.retain(|name| name.starts_with(REPOSITORY));
    Ok(names)
}

/// Removes an image, unless a container uses it or it is gone already.
///
/// # Errors
/// When the daemon refuses for another reason.
pub(crate) async fn remove(docker: &Docker, name: &str) -> Result<(), DockerError> {
    match docker.remove_image(name, None::<RemoveImageOptions>, None).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(()),
        Err(error) => Err(DockerError::call(format!("remove the image {name}"))(error)),
    }
}

async fn build(docker: &Docker, name: &str, context: Vec<u8>) -> Result<(), DockerError> {
    let options = BuildImageOptionsBuilder::new()
        .dockerfile("Dockerfile")
        .t(name)
        .rm(true)
        .forcerm(true)
        .version(BuilderVersion::BuilderV1)
        .build();
    let mut steps = docker.build_image(options, None, Some(bollard::body_full(context.into())));
    while let Some(step) = steps.next().await {
        let step = step.map_err(DockerError::call(format!("build the image {name}")))?;
        if let Some(error) = step.error_detail.and_then(|detail| detail.message) {
            return Err(DockerError::OwnImage(error));
        }
    }
    Ok(())
}

fn executable() -> Result<Vec<u8>, DockerError> {
    fs::read(MYSELF).map_err(|error| DockerError::OwnImage(format!("{MYSELF}: {error}")))
}

fn name_of(executable: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    executable.hash(&mut hasher);
    format!("{REPOSITORY}:{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}

/// The files of the libraries that this executable is linked with, as `ldd` tells them; none when it
/// is linked with none.
fn libraries() -> Result<Vec<PathBuf>, DockerError> {
    // By number: `self` would be ldd.
    let executable = format!("/proc/{}/exe", std::process::id());
    let failed = |why: String| DockerError::OwnImage(format!("ldd {executable}: {why}"));
    let ran = Command::new("ldd").arg(&executable).output();
    let output = ran.map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        let missing = text.lines().find(|line| line.contains("not found"));
        return missing.map_or_else(|| Ok(parse_ldd(&text)), |line| Err(failed(line.to_owned())));
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if (text + &errors).contains("not a dynamic executable") {
        Ok(Vec::new())
    } else {
        Err(failed(errors))
    }
}

/// The paths in what `ldd` prints.
fn parse_ldd(text: &str) -> Vec<PathBuf> {
    let path =
        |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    text.lines().filter_map(path).collect()
}

/// Everything that the daemon needs to build the image.
fn context(executable: Vec<u8>, libraries: &[PathBuf]) -> Result<Vec<u8>, DockerError> {
    let dockerfile = format!(
        "FROM scratch\nLABEL {}=\"{}\"\nCOPY root/ /\nENTRYPOINT [\"/harness\"]\n",
        names::IMAGE,
        env!("CARGO_PKG_VERSION")
    );
    let passwd = b"root:x:0:0:root:/:/sbin/nologin\n".to_vec();
    let mut entries = vec![
        Entry::file(String::from("Dockerfile"), 0o644, dockerfile.into_bytes()),
        Entry::file(String::from("root/tmp/"), 0o1777, Vec::new()),
        Entry::file(String::from("root/etc/passwd"), 0o644, passwd),
        Entry::file(String::from("root/harness"), 0o755, executable),
    ];
    for library in libraries {
        let content = fs::read(library)
            .map_err(|error| DockerError::OwnImage(format!("{}: {error}", library.display())))?;
        entries.push(Entry::file(format!("root{}", library.display()), 0o755, content));
    }
    archive::pack(&entries).map_err(|error| DockerError::OwnImage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ldd_prints_is_read() {
        let text = "\tlinux-vdso.so.1 (0x00007fdbbb24e000)\n\
            \tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007fdbb9f20000)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007fdbbb250000)\n";
        let paths = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(parse_ldd(text), paths.map(PathBuf::from));
    }

    #[test]
    fn this_very_executable_has_its_libraries() {
        for library in libraries().unwrap() {
            assert!(library.is_file(), "{}", library.display());
        }
    }

    #[test]
    fn another_executable_has_another_name() {
        assert_eq!(name_of(b"a"), name_of(b"a"));
        assert_ne!(name_of(b"a"), name_of(b"b"));
        assert!(name_of(b"a").starts_with("gryadka-harness:"), "{}", name_of(b"a"));
    }
}
