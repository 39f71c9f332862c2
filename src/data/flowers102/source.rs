//! The set's addresses and checksums.

use crate::download::Checksum;

/// The set's home.
const HOME: &str = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/";

/// One of the set's files.
pub(super) struct RemoteFile {
    pub(super) name: &'static str,
    pub(super) url: String,
    pub(super) checksum: Checksum,
}

/// The set's three files, and how many pictures there are in them.
pub(super) struct RemoteSet {
    /// The pictures, `jpg/image_00001.jpg` and so on.
    pub(super) pictures: RemoteFile,
    /// The label of each picture.
    pub(super) labels: RemoteFile,
    /// Which picture is for what.
    pub(super) split: RemoteFile,
    pub(super) count: usize,
    pub(super) classes: usize,
}

impl RemoteSet {
    /// The set at its home, or in the folder of a mirror. The checksums are those that torchvision's
    /// `Flowers102` publishes.
    pub(super) fn at(mirror: Option<&str>) -> RemoteSet {
        let home = mirror.map(str::trim).filter(|url| !url.is_empty()).unwrap_or(HOME).trim_end_matches('/');
        let remote = |name: &'static str, md5: &str| RemoteFile {
            name,
            url: format!("{home}/{name}"),
            checksum: Checksum::Md5(md5.into()),
        };
        RemoteSet {
            pictures: remote("102flowers.tgz", "52808999861908f626f3c1f4e79d11fa"),
            labels: remote("imagelabels.mat", "e0620be6f572b9609742df49c70aed4d"),
            split: remote("setid.mat", "a5357ecc9cb78c4bef273ce3793fc85c"),
            count: 8189,
            classes: 102,
        }
    }
}
