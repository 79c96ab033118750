//! Installs what is missing on a machine with rustup and nothing else.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::shell::{self, has, is_root, output, run};

/// A command that succeeds where a thing is there, and the Debian packages that bring it.
type Need = (&'static [&'static str], &'static [&'static str]);

/// What builds call.
const FOR_BUILDS: [Need; 2] =
    [(&["cc", "--version"], &["gcc", "libc6-dev"]), (&["git", "--version"], &["git"])];
/// What tests call besides: published client libraries are installed from their own registries, and
/// links are cut with packet filters.
const FOR_TESTS: [Need; 9] = [
    (&["python3", "-c", "import venv, ensurepip"], &["python3", "python3-venv"]),
    (&["go", "version"], &["golang-go"]),
    (&["javac", "-version"], &["default-jdk-headless"]),
    (&["mvn", "--version"], &["maven"]),
    (&["node", "--version"], &["nodejs"]),
    (&["npm", "--version"], &["npm"]),
    (&["ip", "-V"], &["iproute2"]),
    (&["nft", "--version"], &["nftables"]),
    // `promtool` reads what scrapers of the metrics will read.
    (&["promtool", "--version"], &["prometheus"]),
];
/// What a real Mesos needs besides: its libraries, by the file that the loader looks for.
const FOR_PEER: [Need; 5] = [
    (&["python3", "--version"], &["python3"]),
    (&["nm", "--version"], &["binutils"]),
    (&["sh", "-c", "ldconfig -p | grep -q libsvn_delta-1.so.1"], &["libsvn1"]),
    (&["sh", "-c", "ldconfig -p | grep -q libsasl2.so.2"], &["libsasl2-2"]),
    (&["sh", "-c", "ldconfig -p | grep -q libapr-1.so.0"], &["libapr1"]),
];

/// Installs the toolchain of `rust-toolchain.toml` and the programs that builds call.
pub fn install() -> Result<()> {
    toolchain()?;
    programs(&FOR_BUILDS)
}

/// Installs what tests call besides.
pub fn install_for_tests() -> Result<()> {
    install()?;
    programs(&FOR_TESTS)
}

/// Installs what a real Mesos needs.
pub fn install_for_peer() -> Result<()> {
    install()?;
    programs(&FOR_PEER)
}

fn programs(needs: &[Need]) -> Result<()> {
    let missing: Vec<_> = needs.iter().filter(|(check, _)| !succeeds(check)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    apt_install(&missing.iter().flat_map(|(_, packages)| packages.iter().copied()).collect::<Vec<_>>())
}

fn succeeds(check: &[&str]) -> bool {
    let mut command = Command::new(check[0]);
    command.args(&check[1..]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Installs Debian packages, through sudo where we are not root.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    if !has("apt-get") {
        bail!(
            "missing: {}. There is no apt-get here: install them by the means of this system",
            packages.join(", ")
        );
    }
    eprintln!("Installing {}", packages.join(", "));
    let install = [&["install", "-y", "--no-install-recommends"], packages].concat();
    apt(&install).or_else(|_| {
        // The lists may be old or not there at all.
        apt(&["update"])?;
        apt(&install)
    })
}

/// `apt-get` as root.
pub fn apt(args: &[&str]) -> Result<()> {
    let mut command = match is_root() {
        true => Command::new("apt-get"),
        false => {
            eprintln!("apt-get needs root: asking sudo");
            let mut sudo = Command::new("sudo");
            sudo.arg("apt-get");
            sudo
        }
    };
    run(command.env("DEBIAN_FRONTEND", "noninteractive").args(args).stdout(Stdio::null()))
}

/// The toolchain's targets and components, where rustup is in charge.
fn toolchain() -> Result<()> {
    if !has("rustup") {
        eprintln!("rustup is not there: taking {} as it is", output(Command::new("rustc").arg("-V"))?.trim());
        return Ok(());
    }
    let rustup = |args: &[&str]| {
        let mut command = Command::new("rustup");
        command.args(args).current_dir(shell::top());
        command
    };
    let file = std::fs::read_to_string(shell::top().join("rust-toolchain.toml"))?;
    let wanted = wanted(&file)?;
    for (kind, names) in [("target", wanted.targets), ("component", wanted.components)] {
        let installed = output(&mut rustup(&[kind, "list", "--installed"]))?;
        for name in names {
            // Components are listed with their host behind the name.
            if !installed.lines().any(|line| line == name || line.starts_with(&format!("{name}-"))) {
                run(&mut rustup(&[kind, "add", &name]))?;
            }
        }
    }
    Ok(())
}

#[derive(serde::Deserialize)]
struct Wanted {
    targets: Vec<String>,
    components: Vec<String>,
}

fn wanted(file: &str) -> Result<Wanted> {
    #[derive(serde::Deserialize)]
    struct File {
        toolchain: Wanted,
    }
    let file: File = toml::from_str(file).context("rust-toolchain.toml is not understood")?;
    Ok(file.toolchain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_seen() {
        assert!(succeeds(&["true"]));
        assert!(!succeeds(&["false"]), "there, but not as it must be");
        assert!(!succeeds(&["no-such-program-here"]));
    }

    #[test]
    fn toolchain_file_is_understood() {
        let file = std::fs::read_to_string(shell::top().join("rust-toolchain.toml")).unwrap();
        let wanted = wanted(&file).unwrap();
        assert!(wanted.targets.contains(&"wasm32-wasip2".to_owned()));
        assert!(wanted.components.contains(&"clippy".to_owned()));
    }
}
