//! The names of ImageNet's classes.

/// Written by tests/parity/weights_table.py.
const CLASSES: &str = include_str!("imagenet_classes.txt");

/// The names of ImageNet's 1000 classes in the order of a pretrained network's outputs: torchvision's
/// `weights.meta["categories"]`.
pub fn imagenet_classes() -> Vec<String> {
    CLASSES.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::imagenet_classes;

    /// Expected: `ResNet18_Weights.DEFAULT.meta["categories"]`.
    #[test]
    fn they_are_torchvisions() {
        let names = imagenet_classes();
        assert_eq!(names.len(), 1000);
        assert_eq!(
            (names[0].as_str(), names[985].as_str(), names[999].as_str()),
            ("tench", "daisy", "toilet tissue")
        );
    }
}
