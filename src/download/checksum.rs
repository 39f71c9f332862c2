//! Checksums that verify a downloaded file.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::notebook::interrupted;
use crate::{Error, Result};

/// A checksum, as hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-256: all 64 digits, or the first eight and more that torchvision writes into its files' names.
    Sha256(String),
    /// MD5, 32 digits, which older data sets are published with. It detects a damaged file, not a forged
    /// one.
    Md5(String),
}

impl Checksum {
    /// Whether a file has this checksum.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Argument`] when this is not a valid checksum,
    /// [`Error::Interrupted`].
    pub fn fits_file(&self, path: impl AsRef<Path>) -> Result<bool> {
        Ok(self.complaint(path.as_ref())?.is_none())
    }

    /// What is wrong with a file, if anything.
    pub(super) fn complaint(&self, path: &Path) -> Result<Option<String>> {
        self.check()?;
        let (expected, found) = match self {
            Checksum::Sha256(expected) => (expected, digest::<Sha256>(path)?),
            Checksum::Md5(expected) => (expected, digest::<Md5>(path)?),
        };
        let fits = found.starts_with(&expected.to_ascii_lowercase());
        Ok((!fits).then(|| {
            let shown =
                if expected.len() < found.len() { format!("{}…", &found[..expected.len()]) } else { found };
            format!("its {} is {shown} and should be {expected}", self.name())
        }))
    }

    fn name(&self) -> &'static str {
        match self {
            Checksum::Sha256(_) => "SHA-256",
            Checksum::Md5(_) => "MD5",
        }
    }

    fn check(&self) -> Result<()> {
        let (digits, lengths) = match self {
            Checksum::Sha256(digits) => (digits, 8..=64),
            Checksum::Md5(digits) => (digits, 32..=32),
        };
        if lengths.contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Ok(());
        }
        Err(Error::Argument(format!(
            "{} \"{digits}\" is not a checksum: it must have {} to {} hexadecimal digits",
            self.name(),
            lengths.start(),
            lengths.end()
        )))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Checksum::Sha256(digits) | Checksum::Md5(digits)) = self;
        write!(f, "{} {digits}", self.name())
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The digest of a file, in lower case.
fn digest<D: Digest>(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io("reading", path))?;
    let (mut digest, mut buffer) = (D::new(), vec![0; 1 << 18]);
    loop {
        if interrupted() {
            return Err(Error::Interrupted);
        }
        match file.read(&mut buffer).map_err(Error::io("reading", path))? {
            0 => break,
            count => digest.update(&buffer[..count]),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Expected: `sha256sum` and `md5sum` of the three letters.
    #[test]
    fn digests_are_those_of_coreutils() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"abc").unwrap();
        let path = file.path();
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        assert!(Checksum::Sha256(sha256.into()).fits_file(path).unwrap());
        assert!(Checksum::Sha256("BA7816BF".into()).fits_file(path).unwrap());
        assert!(Checksum::Md5(md5.into()).fits_file(path).unwrap());
        let told = Checksum::Sha256("ba7816be".into()).complaint(path).unwrap().unwrap();
        assert_eq!(told, "its SHA-256 is ba7816bf… and should be ba7816be");
        for wrong in ["ba7816", "ba7816bg", ""] {
            assert!(Checksum::Sha256(wrong.into()).fits_file(path).is_err());
        }
    }
}
