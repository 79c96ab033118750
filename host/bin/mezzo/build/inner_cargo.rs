// Building a part of the workspace for another target from inside a build.
//
// A file of its own because the tests that run guests build them the same way.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// One artifact for another target.
pub struct Part {
    /// The package.
    pub package: &'static str,
    /// The target it is for.
    pub target: &'static str,
    /// The file that cargo makes of it.
    pub file: &'static str,
    /// Settings of the release profile, as cargo's environment variables name them.
    pub profile: &'static [(&'static str, &'static str)],
}

/// Guests: fast, and small enough to compile in a moment.
pub const GUEST_PROFILE: &[(&str, &str)] = &[
    ("OPT_LEVEL", "3"),
    ("LTO", "fat"),
    ("CODEGEN_UNITS", "1"),
    ("PANIC", "abort"),
    ("STRIP", "symbols"),
    ("DEBUG", "false"),
];

impl Part {
    /// Builds it in the workspace at `root`, with `target_dir` to itself, and says where it lies.
    pub fn build(&self, root: &Path, target_dir: &Path) -> Result<PathBuf, String> {
        self.cargo(root, target_dir, &[])?;
        Ok(target_dir.join(self.target).join("release").join(self.file))
    }

    /// Builds one of its examples instead.
    #[allow(dead_code, reason = "only benchmarks need one")]
    pub fn build_example(&self, root: &Path, target_dir: &Path, name: &str) -> Result<PathBuf, String> {
        self.cargo(root, target_dir, &["--example", name])?;
        Ok(target_dir.join(self.target).join("release/examples").join(name))
    }

    fn cargo(&self, root: &Path, target_dir: &Path, more: &[&str]) -> Result<(), String> {
        self.check_target()?;
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root).args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--package",
            self.package,
        ]);
        cargo.arg("--target").arg(self.target).arg("--target-dir").arg(target_dir).args(more);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_none_or(is_of_the_outer_build) {
                cargo.env_remove(name);
            }
        }
        for (setting, value) in self.profile {
            cargo.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
        }
        let done = cargo.output().map_err(|error| format!("cannot run cargo: {error}"))?;
        if !done.status.success() {
            let errors = String::from_utf8_lossy(&done.stderr);
            return Err(format!("building `{}` for {} failed:\n{errors}", self.package, self.target));
        }
        Ok(())
    }

    fn check_target(&self) -> Result<(), String> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let found = Command::new(rustc).args(["--print", "target-libdir", "--target", self.target]).output();
        let found = found.map_err(|error| format!("cannot run rustc: {error}"))?;
        let dir = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
        if found.status.success() && dir.is_dir() {
            return Ok(());
        }
        let (package, target) = (self.package, self.target);
        Err(format!(
            "`{package}` is built for {target}, which is not installed: run `rustup target add {target}`"
        ))
    }
}

/// Variables that would make the inner build another one. What says where registries, proxies and
/// toolchains are stays.
fn is_of_the_outer_build(name: &str) -> bool {
    const KEPT: [&str; 6] =
        ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "RUSTUP_"];
    const GONE: [&str; 14] = [
        "CARGO",
        "RUSTC",
        "RUSTDOC",
        "RUSTFLAGS",
        "MAKEFLAGS",
        "MFLAGS",
        "OUT_DIR",
        "TARGET",
        "HOST",
        "PROFILE",
        "OPT_LEVEL",
        "DEBUG",
        "NUM_JOBS",
        "LD_LIBRARY_PATH",
    ];
    !KEPT.iter().any(|kept| name.starts_with(kept))
        && GONE.iter().any(|gone| name == *gone || name.starts_with(&format!("{gone}_")))
}
