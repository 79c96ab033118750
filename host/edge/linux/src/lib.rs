//! The kernel's calls that the other rooms need, with safe faces.
//!
//! Each module is one thing of the kernel: a socket, a process descriptor, an
//! account. None decides anything; what they return is what the kernel said. With
//! `bin/init` this is the only place where `unsafe` may stand.
//!
//! Start with [`pidfd`] and [`packet`]; [`frame`] is how our own formats travel.

pub mod account;
pub mod epoll;
pub mod eventfd;
pub mod file;
pub mod frame;
pub mod host;
pub mod lock;
pub mod mount_table;
pub mod open_files;
pub mod packet;
pub mod pidfd;
pub mod process_table;
pub mod thread;
pub mod xattr;
