//! The rights that a file gives to whoever runs it: setuid and setgid bits (inode(7)) and capabilities (capabilities(7)).

use super::content::{Capabilities, Rights};
use super::tar::{Member, MemberKind};

/// The PAX record in which writers of layers keep a file's capabilities.
pub(super) const CAPABILITY: &str = "SCHILY.xattr.security.capability";
/// The bits of setuid and setgid, and those of execution.
const SET_ID: u16 = 0o6000;
const EXECUTE: u16 = 0o111;
/// The names of capabilities by their bits (linux/capability.h).
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The rights of a file, or those that a hard link gives to its file: some runtimes set them, others leave the file as it
/// was. Nothing where nobody can run it, or it runs with nobody else's rights.
pub(super) fn of(member: &Member) -> Option<Rights> {
    let may_run = matches!(member.kind, MemberKind::File | MemberKind::Hard) && member.mode & EXECUTE != 0;
    let capabilities = member.capability.as_deref().map_or(Capabilities::None, capabilities);
    let gives_more = member.mode & SET_ID != 0 || capabilities != Capabilities::None;
    let (mode, owner, group) = (member.mode, member.owner, member.group);
    (may_run && gives_more).then_some(Rights { mode, owner, group, capabilities })
}

/// Reads `struct vfs_cap_data`: a revision, then the permitted and the inheritable bits, 32 of each at a time.
fn capabilities(bytes: &[u8]) -> Capabilities {
    let words: Vec<u32> =
        bytes.chunks(4).filter_map(|word| word.try_into().ok()).map(u32::from_le_bytes).collect();
    let bits = match (words.as_slice(), bytes.len()) {
        ([head, low, more], 12) if head >> 24 == 1 => u64::from(low | more),
        ([head, low, more, high, most, rest @ ..], 20 | 24)
            if (head >> 24, rest.len()) == (2, 0) || (head >> 24, rest.len()) == (3, 1) =>
        {
            u64::from(high | most) << 32 | u64::from(low | more)
        }
        _ => return Capabilities::Unreadable,
    };
    if bits == 0 { Capabilities::None } else { Capabilities::Of(bits) }
}

impl Capabilities {
    /// Their names, such as `cap_net_raw`.
    pub fn names(self) -> Vec<String> {
        let bits = match self {
            Self::None => return Vec::new(),
            Self::Unreadable => return vec!["unreadable".to_owned()],
            Self::Of(bits) => bits,
        };
        let set = (0..64_usize).filter(|bit| bits >> bit & 1 == 1);
        set.map(|bit| NAMES.get(bit).map_or_else(|| format!("cap_{bit}"), |name| format!("cap_{name}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_in_their_three_revisions() {
        let bytes = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        for (words, names) in [
            (&[0x0100_0001, 1 << 13, 0][..], &["cap_net_raw"][..]),
            (&[0x0200_0001, 1 << 13, 1 << 10, 0, 0], &["cap_net_bind_service", "cap_net_raw"]),
            (&[0x0200_0000, 0, 0, 1 << 7, 0], &["cap_bpf"]),
            (&[0x0300_0001, 1 << 21, 0, 1 << 20, 0, 1000], &["cap_sys_admin", "cap_52"]),
            (&[0x0200_0001, 0, 0, 0, 0], &[]),
            (&[0x0200_0001, 1 << 13, 0, 0], &["unreadable"]),
            (&[0x0400_0001, 1 << 13, 0, 0, 0], &["unreadable"]),
            (&[0x0300_0001, 1 << 13, 0, 0, 0], &["unreadable"]),
            (&[], &["unreadable"]),
        ] {
            assert_eq!(capabilities(&bytes(words)).names(), names, "{words:x?}");
        }
    }
}
