//! What is tried. Each attempt is one system call, made as a program makes it that
//! has broken out of its sandbox.

#![allow(unsafe_code, reason = "it does what no safe interface offers")]

use std::ffi::{CString, c_int, c_long, c_ulong};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};

/// What is there to be reached.
pub(crate) struct Ground {
    folder: PathBuf,
    parent: c_int,
}

/// Does it work in a process that is not confined?
pub(crate) enum Outside {
    Works,
    /// On privileges, or on how the system is set up.
    Depends,
}

pub(crate) struct Attempt {
    pub(crate) name: &'static str,
    pub(crate) outside: Outside,
    pub(crate) act: fn(&Ground) -> io::Result<()>,
}

impl Ground {
    pub(crate) fn make(folder: &Path, parent: c_int) -> Self {
        fs::write(folder.join("server.key"), "the home's key").unwrap();
        for name in ["changed", "owned", "cut", "linked", "moved", "removed"] {
            fs::write(folder.join(name), "content").unwrap();
        }
        Self { folder: folder.to_owned(), parent }
    }

    fn path(&self, name: &str) -> CString {
        path(self.folder.join(name).to_str().unwrap())
    }
}

fn path(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn done(answer: c_long) -> io::Result<()> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A system call by its number.
macro_rules! call {
    ($number:ident $(, $argument:expr)*) => {
        // SAFETY: each pointer among the arguments is to something that lives until
        // the call is over, or is null where the call may be told so.
        done(unsafe { libc::syscall(libc::$number $(, $argument)*) })
    };
}

fn open(path: &CString, flags: c_int) -> io::Result<()> {
    call!(SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600)
}

fn socket(family: c_int, kind: c_int) -> io::Result<()> {
    call!(SYS_socket, family, kind, 0)
}

/// Memory that can be read and run, by one call or by two.
fn code(at_once: bool) -> io::Result<()> {
    let (data, run) = (libc::PROT_READ | libc::PROT_WRITE, libc::PROT_READ | libc::PROT_EXEC);
    let first = if at_once { run } else { data };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: new memory, which nobody else knows.
    let memory = unsafe { libc::mmap(null_mut(), 4096, first, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    if at_once {
        return Ok(());
    }
    // SAFETY: as above.
    done(unsafe { libc::mprotect(memory, 4096, run) }.into())
}

fn fork() -> io::Result<()> {
    // SAFETY: the child ends at once, without running anything of this process.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: as above.
        0 => unsafe { libc::_exit(0) },
        child => {
            let mut status = 0;
            // SAFETY: the status lives.
            done(unsafe { libc::waitpid(child, &raw mut status, 0) }.into())
        }
    }
}

fn thread() -> io::Result<()> {
    let thread = std::thread::Builder::new().spawn(|| ())?;
    thread.join().map_err(|_| io::Error::other("it panicked"))
}

/// Reads a word of the parent's memory, or writes it.
fn vm(ground: &Ground, writes: bool) -> io::Result<()> {
    let mut word = [0_u8; 8];
    let own = libc::iovec { iov_base: word.as_mut_ptr().cast(), iov_len: word.len() };
    let (one, none): (c_ulong, c_ulong) = (1, 0);
    let (own, parent) = (&raw const own, ground.parent);
    match writes {
        true => call!(SYS_process_vm_writev, parent, own, one, own, one, none),
        false => call!(SYS_process_vm_readv, parent, own, one, own, one, none),
    }
}

fn pass_a_descriptor() -> io::Result<()> {
    let mut byte = [0_u8; 1];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 0 };
    // SAFETY: all zeros is an empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    call!(SYS_sendmsg, 0, &raw const message, 0)
}

fn connect() -> io::Result<()> {
    // SAFETY: all zeros is an address.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET.try_into().unwrap();
    let length = libc::socklen_t::try_from(size_of_val(&address)).unwrap();
    call!(SYS_connect, 0, &raw const address, length)
}

fn share() -> io::Result<()> {
    // SAFETY: it is removed at once, and never mapped.
    let memory = unsafe { libc::shmget(libc::IPC_PRIVATE, 4096, 0o600) };
    done(memory.into())?;
    // SAFETY: as above.
    done(unsafe { libc::shmctl(memory, libc::IPC_RMID, null_mut()) }.into())
}

fn limit_of(process: c_int) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
    call!(SYS_prlimit64, process, libc::RLIMIT_CORE, &raw const limit, null::<libc::rlimit>())
}

macro_rules! attempts {
    ($($name:literal $outside:ident $ground:ident => $act:expr,)*) => {
        pub(crate) const ATTEMPTS: &[Attempt] = &[$(Attempt {
            name: $name,
            outside: Outside::$outside,
            act: |$ground| $act,
        },)*];
    };
}

attempts! {
    "read a system file" Works _g => open(&path("/etc/passwd"), libc::O_RDONLY),
    "read the home's key" Works g => open(&g.path("server.key"), libc::O_RDONLY),
    "list a folder" Works g => open(&g.path("."), libc::O_RDONLY | libc::O_DIRECTORY),
    "write a file" Works g => open(&g.path("new"), libc::O_WRONLY | libc::O_CREAT),
    "read the server's memory" Depends g =>
        open(&path(&format!("/proc/{}/mem", g.parent)), libc::O_RDONLY),
    "read the server's environment" Depends g =>
        open(&path(&format!("/proc/{}/environ", g.parent)), libc::O_RDONLY),
    "read its own command line" Works _g => open(&path("/proc/self/cmdline"), libc::O_RDONLY),
    "ask for a file's properties" Works g => call!(
        SYS_faccessat, libc::AT_FDCWD, g.path("server.key").as_ptr(), libc::R_OK
    ),
    "change a file's mode" Works g => call!(
        SYS_fchmodat, libc::AT_FDCWD, g.path("changed").as_ptr(), 0o777
    ),
    "change a file's owner" Works g => call!(
        SYS_fchownat, libc::AT_FDCWD, g.path("owned").as_ptr(), -1_i32, -1_i32, 0
    ),
    "truncate a file" Works g => call!(SYS_truncate, g.path("cut").as_ptr(), 0_i64),
    "make a hard link" Works g => call!(
        SYS_linkat, libc::AT_FDCWD, g.path("linked").as_ptr(), libc::AT_FDCWD,
        g.path("link").as_ptr(), 0
    ),
    "make a symbolic link" Works g => call!(
        SYS_symlinkat, g.path("linked").as_ptr(), libc::AT_FDCWD, g.path("symlink").as_ptr()
    ),
    "rename a file" Works g => call!(
        SYS_renameat2, libc::AT_FDCWD, g.path("moved").as_ptr(), libc::AT_FDCWD,
        g.path("elsewhere").as_ptr(), 0
    ),
    "remove a file" Works g => call!(
        SYS_unlinkat, libc::AT_FDCWD, g.path("removed").as_ptr(), 0
    ),
    "make a folder" Works g => call!(
        SYS_mkdirat, libc::AT_FDCWD, g.path("folder").as_ptr(), 0o700
    ),
    "make a named pipe" Works g => call!(
        SYS_mknodat, libc::AT_FDCWD, g.path("pipe").as_ptr(), libc::S_IFIFO | 0o600, 0
    ),
    "go to another folder" Works g => call!(SYS_chdir, g.path(".").as_ptr()),
    "change the root" Depends g => call!(SYS_chroot, g.path(".").as_ptr()),
    "mount a file system" Depends g => call!(
        SYS_mount, c"none".as_ptr(), g.path("nowhere").as_ptr(), c"tmpfs".as_ptr(), 0, null::<u8>()
    ),
    "make a TCP socket" Works _g => socket(libc::AF_INET, libc::SOCK_STREAM),
    "make a UDP socket" Works _g => socket(libc::AF_INET, libc::SOCK_DGRAM),
    "make a local socket" Works _g => socket(libc::AF_UNIX, libc::SOCK_STREAM),
    "make a netlink socket" Depends _g => socket(libc::AF_NETLINK, libc::SOCK_RAW),
    "connect" Depends _g => connect(),
    "pass a descriptor to the server" Depends _g => pass_a_descriptor(),
    "fork" Works _g => fork(),
    "start a thread" Works _g => thread(),
    "run a program" Depends _g => call!(
        SYS_execve, c"/nonexistent/program".as_ptr(), null::<u8>(), null::<u8>()
    ),
    "make a file in memory" Works _g => call!(SYS_memfd_create, c"code".as_ptr(), 0),
    "run what a descriptor holds" Depends _g => call!(
        SYS_execveat, 0, c"".as_ptr(), null::<u8>(), null::<u8>(), libc::AT_EMPTY_PATH
    ),
    "make executable memory" Works _g => code(true),
    "make memory executable" Works _g => code(false),
    "signal the server" Works g => call!(SYS_kill, g.parent, 0),
    "hold the server as a descriptor" Works g => call!(SYS_pidfd_open, g.parent, 0),
    "trace the server" Depends g => call!(
        SYS_ptrace, libc::PTRACE_SEIZE, g.parent, null::<u8>(), null::<u8>()
    ),
    "read words of the server" Depends g => vm(g, false),
    "write words of the server" Depends g => vm(g, true),
    "limit the server" Depends g => limit_of(g.parent),
    "raise a limit of its own" Depends _g => limit_of(0),
    "become another user" Depends _g => call!(SYS_setuid, 65_534),
    "become another group" Depends _g => call!(SYS_setgid, 65_534),
    "be dumped" Works _g => call!(SYS_prctl, libc::PR_SET_DUMPABLE, 1, 0, 0, 0),
    "take privileges" Depends _g => call!(SYS_capset, null::<u8>(), null::<u8>()),
    "enter other name spaces" Depends _g => call!(SYS_unshare, libc::CLONE_NEWUSER),
    "load a program into the kernel" Depends _g => call!(SYS_bpf, 0, null::<u8>(), 0),
    "make a ring of requests" Depends _g => call!(SYS_io_uring_setup, 1, null::<u8>()),
    "handle page faults" Depends _g => call!(SYS_userfaultfd, 0),
    "measure with counters" Depends _g => call!(SYS_perf_event_open, null::<u8>(), 0, -1, -1, 0),
    "read keys of the kernel" Depends _g => call!(SYS_keyctl, 0, -3, 0),
    "add a key to the kernel" Depends _g => call!(
        SYS_add_key, c"user".as_ptr(), c"name".as_ptr(), c"x".as_ptr(), 1, -3
    ),
    "share memory" Works _g => share(),
    "make a pipe" Works _g => {
        let mut ends = [0; 2];
        call!(SYS_pipe2, ends.as_mut_ptr(), 0)
    },
    "copy a descriptor" Works _g => call!(SYS_dup, 0),
    "write to another descriptor" Works _g => call!(SYS_write, 1, c"x".as_ptr(), 1),
    "control a device" Depends _g => call!(SYS_ioctl, 0, libc::TIOCSTI, c"x".as_ptr()),
    "set the clock" Depends _g => call!(SYS_clock_settime, libc::CLOCK_REALTIME, null::<u8>()),
    "look at others' files by handle" Depends _g => call!(
        SYS_open_by_handle_at, 0, null::<u8>(), libc::O_RDONLY
    ),
}
