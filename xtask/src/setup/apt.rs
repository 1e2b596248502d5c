//! Debian packages.

use crate::command;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// Package lists are fetched at most once a run, and only when an install needs them.
static LISTS_ARE_FRESH: AtomicBool = AtomicBool::new(false);

/// Makes sure a program is on the search path, from these packages if it is not.
pub(crate) fn ensure_program(program: &str, packages: &[&str], what: &str) -> Result<()> {
    if let Some(path) = command::find(program) {
        println!("{program}: {}", path.display());
        return Ok(());
    }
    install(packages).with_context(|| {
        format!(
            "`{program}` is not on the search path: install {what} (on Debian and Ubuntu: \
             `sudo apt-get install {}`)",
            packages.join(" ")
        )
    })?;
    match command::find(program) {
        Some(path) => println!("{program}: {} (installed now)", path.display()),
        None => bail!(
            "the packages {} did not bring `{program}`",
            packages.join(" ")
        ),
    }
    Ok(())
}

/// Whether this is Debian itself: derivatives name and cut their packages differently (on Ubuntu
/// `chromium` is a snap, and `rustc-web` does not exist).
pub(crate) fn is_debian() -> bool {
    std::fs::read_to_string("/etc/os-release").is_ok_and(|text| names_debian(&text))
}

fn names_debian(os_release: &str) -> bool {
    os_release
        .lines()
        .any(|line| line == "ID=debian" || line == "ID=\"debian\"")
}

/// Installs packages; refuses where that is not this program's business.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if !is_debian() {
        bail!("only Debian's packages are installed automatically, and this is not Debian");
    }
    let user = command::capture(Command::new("id").arg("-u"))?;
    if user.trim() != "0" {
        bail!("Debian packages are installed automatically only as root");
    }
    println!("installing {}", packages.join(" "));
    if !has_lists() {
        // A fresh image. Apt does not always fail then: it takes `g++` for a pattern.
        update_lists()?;
    }
    if try_install(packages).is_ok() {
        return Ok(());
    }
    // Old lists name files that have since been replaced.
    update_lists()?;
    try_install(packages)
}

/// Fetches a package and unpacks it into a folder, without installing it: no root, no service that starts.
pub(crate) fn unpack(package: &str, folder: &Path) -> Result<()> {
    for program in ["apt-get", "dpkg-deb"] {
        if command::find(program).is_none() {
            bail!("there is no `{program}`");
        }
    }
    let download = folder.join("download");
    std::fs::create_dir_all(&download)?;
    let fetch = || {
        let mut apt = apt_get();
        apt.args(["download", "-qq", package])
            .current_dir(&download);
        command::capture(&mut apt).map(drop)
    };
    if fetch().is_err() {
        // No lists, or old ones that name a file which has since been replaced.
        update_lists()?;
        fetch()?;
    }
    for entry in std::fs::read_dir(&download)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "deb") {
            command::run(Command::new("dpkg-deb").arg("-x").arg(&path).arg(folder))?;
        }
    }
    std::fs::remove_dir_all(&download)?;
    Ok(())
}

fn has_lists() -> bool {
    std::fs::read_dir("/var/lib/apt/lists").is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
    })
}

/// Fetches the package lists, once a run.
pub(crate) fn update_lists() -> Result<()> {
    if LISTS_ARE_FRESH.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    command::run(apt_get().args(["update", "-qq"]))
}

fn try_install(packages: &[&str]) -> Result<()> {
    let mut apt = apt_get();
    apt.args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages);
    // Its unpacking lines are of interest only when it fails.
    command::capture(&mut apt).map(drop)
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    // Another install may hold the lock: wait for it instead of failing.
    command.args(["-o", "DPkg::Lock::Timeout=300"]);
    command
}

#[cfg(test)]
mod tests {
    use super::names_debian;

    #[test]
    fn debian_is_told_from_its_derivatives() {
        assert!(names_debian("NAME=\"Debian GNU/Linux\"\nID=debian\n"));
        assert!(!names_debian(
            "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n"
        ));
    }
}
