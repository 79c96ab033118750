//! Zip archives with whatever in them, also what no honest program writes.

use flate2::Crc;

/// One entry: stored, not compressed.
#[derive(Clone, Debug)]
pub struct Zipped {
    pub name: Vec<u8>,
    pub content: Vec<u8>,
    /// Kind and permissions.
    pub mode: u32,
    pub flags: u16,
    pub method: u16,
    /// What the archive says that it unpacks to.
    pub size: u32,
    pub crc: u32,
}

impl Zipped {
    pub fn file(name: &str, content: &[u8]) -> Zipped {
        let mut crc = Crc::new();
        crc.update(content);
        Zipped {
            name: name.into(),
            content: content.to_vec(),
            mode: 0o100_644,
            flags: 0,
            method: 0,
            size: content.len() as u32,
            crc: crc.sum(),
        }
    }

    pub fn link(name: &str, to: &str) -> Zipped {
        Zipped { mode: 0o120_777, ..Zipped::file(name, to.as_bytes()) }
    }

    /// The part that the entry and the directory have in common.
    fn facts(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [20, self.flags, self.method, 0, 0x21] {
            bytes.extend(number.to_le_bytes());
        }
        for number in [self.crc, self.content.len() as u32, self.size] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend((self.name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }
}

/// The bytes of an archive with these entries and no care for sense.
pub fn zip(entries: &[Zipped]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = bytes.len() as u32;
        bytes.extend(b"PK\x03\x04");
        bytes.extend(entry.facts());
        bytes.extend(&entry.name);
        bytes.extend(&entry.content);
        // Made by a Unix.
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(entry.facts());
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(&entry.name);
    }
    let at = bytes.len() as u32;
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(at.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}
