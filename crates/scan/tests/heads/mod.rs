//! Tars written block by block, as no library would write them.
#![allow(dead_code, reason = "each test file uses its part of this")]

/// A header being written: ustar, unless said.
#[derive(Clone)]
pub(crate) struct Head {
    block: [u8; 512],
    signed: bool,
}

impl Head {
    pub(crate) fn new(kind: u8, name: &[u8]) -> Self {
        let head = Self { block: [0; 512], signed: false };
        let head = head
            .with(0, name)
            .with(100, b"0000644\0")
            .with(124, b"00000000000\0")
            .with(136, b"00000000007\0");
        head.with(156, &[kind]).with(257, b"ustar\x0000")
    }

    /// The same with these bytes at that place.
    pub(crate) fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.block[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// The same with a size.
    pub(crate) fn sized(self, size: usize) -> Self {
        self.with(124, format!("{size:011o}\0").as_bytes())
    }

    /// The same with the checksum of signed bytes.
    pub(crate) fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// The block, its checksum right.
    pub(crate) fn block(mut self) -> Vec<u8> {
        self.block[148..156].copy_from_slice(b"        ");
        let sum: i64 = self
            .block
            .iter()
            .map(|byte| if self.signed { i64::from(byte.cast_signed()) } else { i64::from(*byte) })
            .sum();
        // Octal digits of a negative number are those of no reader.
        let sum = format!("{:06o}\0 ", sum.max(0));
        self.block[148..156].copy_from_slice(&sum.as_bytes()[..8]);
        self.block.to_vec()
    }

    /// Header and content, the size as long as that is.
    pub(crate) fn holding(self, content: &[u8]) -> Vec<u8> {
        self.sized(content.len()).before(content)
    }

    /// Header and content, whatever the header says.
    pub(crate) fn before(self, content: &[u8]) -> Vec<u8> {
        let mut bytes = self.block();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

/// A file of one line.
pub(crate) fn file(name: &str) -> Vec<u8> {
    Head::new(b'0', name.as_bytes()).holding(b"text")
}

/// PAX records.
pub(crate) fn records(records: &[(&str, &str)]) -> Vec<u8> {
    let mut all = Vec::new();
    for (key, value) in records {
        let body = format!(" {key}={value}\n");
        let length = (1..9).find(|digits| (body.len() + digits).to_string().len() == *digits).unwrap();
        all.extend(format!("{}{body}", body.len() + length).into_bytes());
    }
    all
}

/// A PAX header with these records.
pub(crate) fn pax(said: &[(&str, &str)]) -> Vec<u8> {
    Head::new(b'x', b"PaxHeaders/x").holding(&records(said))
}

/// A long name of GNU's.
pub(crate) fn long_name(name: &[u8]) -> Vec<u8> {
    Head::new(b'L', b"././@LongLink").with(257, b"ustar  \0").holding(name)
}
