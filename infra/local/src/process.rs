//! Processes, as `/proc` tells of them. Linux only, as the function binaries are.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Sends a signal, such as `KILL`, by the shell's own `kill`: the system call would need unsafe code, and
/// minimal images have no `/bin/kill`.
///
/// # Errors
/// No such process, or no shell.
pub fn signal(pid: u32, name: &str) -> Result<(), String> {
    let output = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()])
        .output()
        .map_err(|error| format!("`sh`: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// Whether a process is there and has not ended.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    group_of(pid).is_some()
}

/// The processes of a process group that have not ended.
#[must_use]
pub fn in_group(group: u32) -> Vec<u32> {
    pids().filter(|pid| group_of(*pid) == Some(group)).collect()
}

/// The process of that group which holds the other end of a TCP connection that we accepted: `peer` is its
/// address, `own` ours.
#[must_use]
pub fn behind(peer: SocketAddr, own: SocketAddr, group: u32) -> Option<u32> {
    let inode = socket_inode(peer.port(), own.port())?;
    let target = format!("socket:[{inode}]");
    in_group(group).into_iter().find(|pid| {
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd"));
        descriptors.into_iter().flatten().flatten().any(|descriptor| {
            std::fs::read_link(descriptor.path()).is_ok_and(|link| link == Path::new(&target))
        })
    })
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The process group, unless the process has ended (a zombie has).
fn group_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may contain anything; the state, parent and group follow it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(1)?.parse().ok()
}

/// The inode of the connected socket with these ports.
fn socket_inode(local: u16, remote: u16) -> Option<String> {
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let table = std::fs::read_to_string(table).ok()?;
        find_inode(&table, local, remote)
    })
}

fn find_inode(table: &str, local: u16, remote: u16) -> Option<String> {
    let (local, remote) = (format!(":{local:04X}"), format!(":{remote:04X}"));
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let matches = fields.get(1)?.ends_with(&local) && fields.get(2)?.ends_with(&remote);
        matches.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_socket_by_both_ports() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F90 0100007F:A001 01 00000000:00000000 00:00000000 00000000     0        0 111 1\n\
             1: 0100007F:A001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 222 1\n";
        assert_eq!(find_inode(table, 0xA001, 0x1F90).as_deref(), Some("222"));
        assert_eq!(find_inode(table, 0x1F90, 0xA001).as_deref(), Some("111"));
        assert_eq!(find_inode(table, 0xA001, 0xA001), None);
    }

    #[test]
    fn sees_its_own_process() {
        let own = std::process::id();
        let group = group_of(own).unwrap();
        assert!(in_group(group).contains(&own));
        assert!(is_alive(own));
    }

    #[test]
    fn a_signal_to_nobody_is_an_error() {
        // Above the kernel's largest pid, 2^22.
        assert!(signal(4_194_305, "TERM").is_err());
    }
}
