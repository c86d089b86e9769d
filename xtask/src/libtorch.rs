//! Unpacks libtorch from wheels into one folder for `LIBTORCH`, with only the files that a layout needs.
//!
//! All libraries are in `lib/`: their run path contains `$ORIGIN`, so they find each other there. The cpu layout
//! omits the CUDA libraries (0.5 GB instead of 3.7). `libtorch_cpu.so` still links two small CUDA libraries.
//! `libtorch.so` of the wheel is an empty library that loads `libtorch_cuda.so`, so the cpu layout gets an empty
//! one without that dependency.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::archive::unpack_wheel;
use crate::assets::{Assets, Layout, Package};
use crate::cargo::output_if_installed;
use crate::error::{Error, Result};
use crate::marker;
use crate::packages::Packages;
use crate::pip;
use crate::progress::{Step, print_status};
use crate::sha256;

/// Increase it if the same wheels would give another folder.
const RECIPE: u32 = 1;

/// The libraries of the cpu layout.
const CPU_LIBRARIES: [&str; 5] = [
    "libtorch_cpu.so",
    "libc10.so",
    "libgomp.so.1",
    "libcudart.so.13",
    "libcupti.so.13",
];

/// Files that every layout needs; `libtorch.so` comes from the wheel or is generated.
const NEEDED: [&str; 4] = [
    "lib/libtorch.so",
    "lib/libtorch_cpu.so",
    "lib/libc10.so",
    "include/torch/csrc/api/include/torch/torch.h",
];

/// `libtorch 2.11.0 (cpu)`, the start of every status line about it.
pub(crate) fn subject(version: &str, layout: Layout) -> String {
    format!("libtorch {version} ({})", layout.name())
}

/// A digest of everything that the folder of `layout` is made from; it changes with the pins.
pub(crate) fn recipe(assets: &Assets, layout: Layout) -> String {
    let mut text = format!("{RECIPE} {}\n", layout.name());
    for wheel in assets.wheels(layout) {
        text.push_str(&format!("{} {}\n", wheel.sha256, wheel.file));
    }
    sha256::of_bytes(text.as_bytes())
}

/// Makes the folder of `layout` if it is missing or damaged. Returns whether it was made.
pub(crate) fn provide(assets: &Assets, layout: Layout, packages: &Packages<'_>) -> Result<bool> {
    let (cache, lock) = (packages.cache, packages.lock);
    let target = cache.libtorch(&assets.libtorch, layout);
    let recipe = recipe(assets, layout);
    let subject = subject(&assets.libtorch, layout);
    let Some(problem) = marker::problem(&target, &recipe) else {
        return Ok(false);
    };
    if target.is_dir() {
        let text = format!("`{}` {problem}: building it again", target.display());
        print_status(&subject, text);
    }
    let folder = lock.scratch("libtorch")?;
    if layout == Layout::Cpu {
        // First, so that a missing compiler is found before the download of 0.5 GB.
        make_empty_library(&folder.join("lib"))?;
    }
    let mut wheels = Vec::new();
    for package in assets.wheels(layout) {
        wheels.push((package, packages.fetch(package, &subject)?));
    }
    unpack(layout, &wheels, &folder, &subject)?;
    marker::write(&folder, &recipe)?;
    lock.publish(&folder, &target)?;
    print_status(&subject, format_args!("ready in `{}`", target.display()));
    Ok(true)
}

/// Unpacks `wheels` into the folder `to`, and checks that the needed files exist.
fn unpack(layout: Layout, wheels: &[(&Package, PathBuf)], to: &Path, subject: &str) -> Result<()> {
    for (package, wheel) in wheels {
        let action = format!("unpacking {} {}", package.name, package.version);
        let mut step = Step::start(subject, action, package.bytes);
        let destination = |member: &str| destination(layout, &package.name, member);
        unpack_wheel(wheel, to, destination, &mut step)?;
    }
    let libraries = CPU_LIBRARIES.map(|name| format!("lib/{name}"));
    let needed = libraries.iter().map(String::as_str).chain(NEEDED);
    let missing = needed.into_iter().find(|name| !to.join(name).is_file());
    missing.map_or(Ok(()), |name| Err(Error::member(&wheels[0].1, name)))
}

/// The path for a member of the wheel of `package`: libraries go to `lib/`, headers to `include/`, licences to
/// `licences/`. `None` if the layout does not need the member.
fn destination(layout: Layout, package: &str, member: &str) -> Option<String> {
    if let Some(header) = member.strip_prefix("torch/include/") {
        return Some(format!("include/{header}"));
    }
    let (folder, name) = member.rsplit_once('/')?;
    let is_nvidia = folder.starts_with("nvidia/");
    if folder == "torch/lib" || (is_nvidia && folder.ends_with("/lib")) {
        let wanted = match layout {
            Layout::Cpu => CPU_LIBRARIES.contains(&name),
            Layout::Cuda => is_library(name),
        };
        return wanted.then(|| format!("lib/{name}"));
    }
    let of_package = folder.contains(".dist-info") || is_nvidia;
    let lower = name.to_lowercase();
    let is_licence = lower.starts_with("licen") || lower.starts_with("notice");
    (of_package && is_licence).then(|| format!("licences/{package}/{name}"))
}

/// `libx.so` and `libx.so.1`, but no static library and no second build of NVRTC (`libnvrtc.alt.so.13`), which
/// is never loaded automatically.
fn is_library(name: &str) -> bool {
    (name.ends_with(".so") || name.contains(".so.")) && !name.contains(".alt.")
}

/// Builds an empty shared library, which `-ltorch` finds in the cpu layout.
fn make_empty_library(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    let path = folder.join("libtorch.so");
    let chosen = env::var("CC").ok().filter(|name| !name.trim().is_empty());
    let common = ["cc", "gcc", "clang", "c++"].map(str::to_owned);
    let compilers: Vec<String> = chosen.into_iter().chain(common).collect();
    for compiler in &compilers {
        // CC may contain arguments, for example `ccache gcc`.
        let mut words = compiler.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or(compiler));
        command.args(words).arg("-shared");
        command.args(["-x", "c", "/dev/null", "-Wl,-soname,libtorch.so"]);
        command.arg("-o").arg(&path);
        match output_if_installed(command)? {
            Some(output) if output.status.success() => return Ok(()),
            Some(output) => {
                let detail = pip::last_error_line(&String::from_utf8_lossy(&output.stderr));
                let message = format!("Failed to make `libtorch.so` with `{compiler}`: {detail}");
                return Err(Error::new(message));
            }
            None => {}
        }
    }
    let tried = compilers.join("`, `");
    let message = format!("Failed to find a C compiler: none of `{tried}` can be started");
    let hint = "Install a C and C++ compiler (Debian, Ubuntu: `apt install g++`) or set CC";
    Err(Error::new(message).with_hint(hint))
}

/// Whether this machine has an NVIDIA driver.
pub(crate) fn has_nvidia_driver() -> bool {
    let answers = || {
        let output = output_if_installed(Command::new("nvidia-smi"));
        output.is_ok_and(|output| output.is_some_and(|output| output.status.success()))
    };
    fs::exists("/proc/driver/nvidia/version").unwrap_or(false) || answers()
}

/// Fails on platforms other than Linux on x86-64.
pub(crate) fn check_platform(os: &str, arch: &str, libtorch: &str) -> Result<()> {
    if (os, arch) == ("linux", "x86_64") {
        return Ok(());
    }
    let message =
        format!("Failed to set up libtorch on {os} {arch}: only Linux on x86-64 is supported");
    let hint =
        format!("Unpack libtorch {libtorch} for this platform and set LIBTORCH to its folder");
    Err(Error::new(message).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tests::make_wheel;
    use crate::assets::tests::small;
    use crate::cache::Cache;

    #[test]
    fn each_member_has_its_destination() {
        let check = |member: &str, cpu: Option<&str>, cuda: Option<&str>| {
            let found = |layout| destination(layout, "p", member);
            assert_eq!(found(Layout::Cpu).as_deref(), cpu, "{member} (cpu)");
            assert_eq!(found(Layout::Cuda).as_deref(), cuda, "{member} (cuda)");
        };
        let both =
            |member: &str, destination: &str| check(member, Some(destination), Some(destination));
        both("torch/lib/libtorch_cpu.so", "lib/libtorch_cpu.so");
        both("torch/lib/libgomp.so.1", "lib/libgomp.so.1");
        both("nvidia/cu13/lib/libcudart.so.13", "lib/libcudart.so.13");
        both("torch/include/c10/util/x.h", "include/c10/util/x.h");
        both(
            "torch-2.11.0.dist-info/licenses/LICENSE",
            "licences/p/LICENSE",
        );
        both(
            "torch-2.11.0.dist-info/licenses/NOTICE",
            "licences/p/NOTICE",
        );
        both(
            "nvidia_cufft-12.0.0.61.dist-info/licenses/License.txt",
            "licences/p/License.txt",
        );
        both("nvidia/cusparselt/LICENSE.txt", "licences/p/LICENSE.txt");
        check("torch/lib/libtorch.so", None, Some("lib/libtorch.so"));
        check(
            "torch/lib/libtorch_cuda.so",
            None,
            Some("lib/libtorch_cuda.so"),
        );
        check(
            "nvidia/cudnn/lib/libcudnn.so.9",
            None,
            Some("lib/libcudnn.so.9"),
        );
        check("nvidia/cu13/lib/libnvrtc.alt.so.13", None, None);
        check("nvidia/cu13/lib/libnvshmem_device.bc", None, None);
        check("torch/lib/libshm/alloc_info.h", None, None);
        check("torch/nn/functional.py", None, None);
        check("torch-2.11.0.dist-info/METADATA", None, None);
    }

    #[test]
    fn other_platforms_need_their_own_libtorch() {
        assert!(check_platform("linux", "x86_64", "2.11.0").is_ok());
        for (os, arch) in [
            ("linux", "aarch64"),
            ("macos", "x86_64"),
            ("windows", "x86_64"),
        ] {
            let error = check_platform(os, arch, "2.11.0").expect_err("not supported");
            assert!(error.to_string().contains(os), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("LIBTORCH")));
        }
    }

    #[test]
    fn a_changed_pin_changes_the_recipe() {
        let (assets, mut changed) = (small(), small());
        assert_eq!(recipe(&assets, Layout::Cpu), recipe(&small(), Layout::Cpu));
        assert_ne!(recipe(&assets, Layout::Cpu), recipe(&assets, Layout::Cuda));
        changed.packages[0].sha256 = sha256::of_bytes(b"another wheel");
        assert_ne!(recipe(&assets, Layout::Cpu), recipe(&changed, Layout::Cpu));
    }

    /// A wheel with all files that the cpu layout needs, and some others.
    const MEMBERS: [(&str, &str); 9] = [
        ("torch/lib/libtorch_cpu.so", "cpu"),
        ("torch/lib/libtorch_cuda.so", "cuda"),
        ("torch/lib/libc10.so", "c10"),
        ("torch/lib/libgomp.so.1", "gomp"),
        ("nvidia/cu13/lib/libcudart.so.13", "cudart"),
        ("nvidia/cu13/lib/libcupti.so.13", "cupti"),
        (
            "torch/include/torch/csrc/api/include/torch/torch.h",
            "#pragma once",
        ),
        ("torch/nn/functional.py", "import torch"),
        ("torch-2.11.0.dist-info/LICENSE", "BSD"),
    ];

    /// Sets up in `home`, with a wheel of `members` instead of a download.
    fn provide_from(home: &Path, members: &[(&str, &str)]) -> Result<(bool, PathBuf)> {
        let cache = Cache::locate(|name| (name == "RESSENTI_CACHE").then(|| home.into()))?;
        let mut assets = small();
        let wheel = cache.packages().join(&assets.packages[0].file);
        fs::create_dir_all(cache.packages()).expect("a folder");
        make_wheel(&wheel, members);
        assets.packages[0].sha256 = sha256::of_bytes(&fs::read(&wheel).expect("it is there"));
        let target = cache.libtorch(&assets.libtorch, Layout::Cpu);
        let lock = cache.lock()?;
        let made = provide(&assets, Layout::Cpu, &Packages::new(&cache, &lock))?;
        Ok((made, target))
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn libtorch_is_built_once_and_again_if_it_is_damaged() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let provide =
            || provide_from(home.path(), &MEMBERS).unwrap_or_else(|error| panic!("{error}"));
        let (made, target) = provide();
        assert!(made);
        let mut libraries: Vec<_> = fs::read_dir(target.join("lib"))
            .expect("it was made")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("a plain name")
            })
            .collect();
        libraries.sort();
        let mut expected = CPU_LIBRARIES.to_vec();
        expected.push("libtorch.so");
        expected.sort();
        assert_eq!(libraries, expected);
        assert!(target.join("licences/torch/LICENSE").is_file());
        assert!(!provide().0, "a whole folder is left alone");

        // Incomplete, as if the process had been killed before it wrote the marker.
        fs::remove_file(target.join(marker::MARKER)).expect("it was there");
        assert!(provide().0);
        // Damaged later.
        fs::write(target.join("lib/libc10.so"), "").expect("a file");
        assert!(provide().0);
        assert_eq!(
            fs::read(target.join("lib/libc10.so")).expect("it is there"),
            b"c10"
        );
        assert!(!provide().0);
    }

    #[test]
    fn a_wheel_without_a_needed_library_leaves_nothing_behind() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let error =
            provide_from(home.path(), &MEMBERS[1..]).expect_err("libtorch_cpu.so is missing");
        assert!(
            error
                .to_string()
                .contains("does not contain `lib/libtorch_cpu.so`"),
            "{error}"
        );
        let mut left: Vec<_> = fs::read_dir(home.path())
            .expect("the cache is there")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["packages", "setup.lock"]);
    }
}
