//! The arguments that torchvision takes in several forms: a size, a range, a border, a colour.

/// A size in pixels: torchvision's `size`.
///
/// A single number is the shorter side for [`resize`](super::resize), which keeps the aspect ratio, and a
/// square for the crops. `(height, width)` or `[height, width]` are both sides.
///
/// ```
/// use herbarium::transforms::{center_crop, resize};
///
/// assert!(resize(256).to_string().starts_with("Resize(size=256,"));
/// assert!(resize([96, 128]).to_string().starts_with("Resize(size=[96, 128],"));
/// assert_eq!(center_crop(224).to_string(), "CenterCrop(size=(224, 224))");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// One number.
    Side(i64),
    /// Both sides.
    Sides {
        /// Rows of pixels.
        height: i64,
        /// Pixels of a row.
        width: i64,
    },
}

impl Size {
    /// [height, width] of a crop.
    pub(super) fn of_crop(self) -> [i64; 2] {
        match self {
            Size::Side(side) => [side, side],
            Size::Sides { height, width } => [height, width],
        }
    }
}

/// Borders in pixels: torchvision's `padding`.
///
/// One number is every border, two are left and right, and top and bottom; four are left, top, right and bottom.
/// A negative border crops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Padding(pub(super) [i64; 4]);

/// The size of a blur's kernel in pixels: torchvision's `kernel_size`.
///
/// One number is both sides, two are the width and the height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelSize(pub(super) [i64; 2]);

/// Every type of whole number, and tuples and arrays of each.
macro_rules! from_whole_numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for Size {
            fn from(side: $number) -> Self {
                Size::Side(side as i64)
            }
        }

        impl From<[$number; 2]> for Size {
            fn from(size: [$number; 2]) -> Self {
                let [height, width] = size.map(|side| side as i64);
                Size::Sides { height, width }
            }
        }

        impl From<($number, $number)> for Size {
            fn from((height, width): ($number, $number)) -> Self {
                [height, width].into()
            }
        }

        impl From<$number> for Padding {
            fn from(border: $number) -> Self {
                Padding([border as i64; 4])
            }
        }

        impl From<[$number; 2]> for Padding {
            fn from(borders: [$number; 2]) -> Self {
                let [across, down] = borders.map(|border| border as i64);
                Padding([across, down, across, down])
            }
        }

        impl From<($number, $number)> for Padding {
            fn from((across, down): ($number, $number)) -> Self {
                [across, down].into()
            }
        }

        impl From<[$number; 4]> for Padding {
            fn from(borders: [$number; 4]) -> Self {
                Padding(borders.map(|border| border as i64))
            }
        }

        impl From<($number, $number, $number, $number)> for Padding {
            fn from((left, top, right, bottom): ($number, $number, $number, $number)) -> Self {
                [left, top, right, bottom].into()
            }
        }

        impl From<$number> for KernelSize {
            fn from(side: $number) -> Self {
                KernelSize([side as i64; 2])
            }
        }

        impl From<[$number; 2]> for KernelSize {
            fn from(size: [$number; 2]) -> Self {
                KernelSize(size.map(|side| side as i64))
            }
        }

        impl From<($number, $number)> for KernelSize {
            fn from((width, height): ($number, $number)) -> Self {
                [width, height].into()
            }
        }
    )*};
}

from_whole_numbers!(i32, i64, u32, usize);

/// A number or a range, torchvision's "float or tuple of float (min, max)". The meaning of a single number
/// depends on the transform: `random_rotation(45.0)` turns either way, `random_rotation([0.0, 90.0])` one way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NumberOrRange {
    /// One number.
    Number(f64),
    /// `[smallest, largest]`.
    Range([f64; 2]),
}

impl NumberOrRange {
    /// [-x, x] for one number, and what is wrong with that number of `name`.
    pub(super) fn either_way(self, name: &str) -> ([f64; 2], Option<String>) {
        match self {
            NumberOrRange::Number(number) => ([-number, number], negative_fault(name, number)),
            NumberOrRange::Range(range) => (range, None),
        }
    }

    /// [1 - x, 1 + x] for one number, not below 0, and what is wrong with that number of `name`.
    pub(super) fn around_one(self, name: &str) -> ([f64; 2], Option<String>) {
        match self {
            NumberOrRange::Number(number) => {
                ([(1.0 - number).max(0.0), 1.0 + number], negative_fault(name, number))
            }
            NumberOrRange::Range(range) => (range, None),
        }
    }
}

/// What is wrong with a number of which 0 is the least.
fn negative_fault(name: &str, number: f64) -> Option<String> {
    (!(number >= 0.0 && number.is_finite())).then(|| format!("{name} is {number}: it must be 0 or more"))
}

macro_rules! ranges_from {
    ($($number:ty),*) => {$(
        impl From<$number> for NumberOrRange {
            fn from(number: $number) -> Self {
                NumberOrRange::Number(number.into())
            }
        }

        impl From<[$number; 2]> for NumberOrRange {
            fn from(range: [$number; 2]) -> Self {
                NumberOrRange::Range(range.map(f64::from))
            }
        }

        impl From<($number, $number)> for NumberOrRange {
            fn from((smallest, largest): ($number, $number)) -> Self {
                [smallest, largest].into()
            }
        }
    )*};
}

ranges_from!(f64, i32);

/// Angles of shearing in degrees: torchvision's `shear`.
///
/// One number shears along x by up to so much either way, `[smallest, largest]` along x,
/// `[smallest x, largest x, smallest y, largest y]` along both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shear {
    along_x: NumberOrRange,
    along_y: [f64; 2],
}

impl Shear {
    /// [smallest x, largest x, smallest y, largest y].
    pub(super) fn ranges(self) -> [f64; 4] {
        let ([x_low, x_high], _) = self.along_x.either_way("shear");
        [x_low, x_high, self.along_y[0], self.along_y[1]]
    }

    /// What is wrong with one number.
    pub(super) fn fault(self) -> Option<String> {
        self.along_x.either_way("shear").1
    }
}

impl From<f64> for Shear {
    fn from(degrees: f64) -> Self {
        Shear { along_x: degrees.into(), along_y: [0.0; 2] }
    }
}

impl From<[f64; 2]> for Shear {
    fn from(along_x: [f64; 2]) -> Self {
        Shear { along_x: along_x.into(), along_y: [0.0; 2] }
    }
}

impl From<[f64; 4]> for Shear {
    fn from([x_low, x_high, y_low, y_high]: [f64; 4]) -> Self {
        Shear { along_x: [x_low, x_high].into(), along_y: [y_low, y_high] }
    }
}

/// A colour: torchvision's `fill`. One number is a grey, three are red, green and blue, 0..=255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fill(pub(super) [u8; 3]);

impl From<u8> for Fill {
    fn from(grey: u8) -> Self {
        Fill([grey; 3])
    }
}

impl From<[u8; 3]> for Fill {
    fn from(colour: [u8; 3]) -> Self {
        Fill(colour)
    }
}

impl From<(u8, u8, u8)> for Fill {
    fn from((red, green, blue): (u8, u8, u8)) -> Self {
        Fill([red, green, blue])
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;

    /// Expected: torchvision 0.28.
    #[test]
    fn forms_of_one_argument() {
        let side = 64; // an i32, as a cell that ends here would make it
        for (transform, printed) in [
            (resize(96), "Resize(size=96, interpolation=bilinear, max_size=None, antialias=True)"),
            (
                resize((96, 128)),
                "Resize(size=[96, 128], interpolation=bilinear, max_size=None, antialias=True)",
            ),
            (center_crop(side), "CenterCrop(size=(64, 64))"),
            (center_crop([64, side]), "CenterCrop(size=(64, 64))"),
            (five_crop((3, 4)), "FiveCrop(size=(3, 4))"),
            (pad(4), "Pad(padding=4, fill=0, padding_mode=constant)"),
            (pad([4, 2]).fill(128), "Pad(padding=(4, 2), fill=128, padding_mode=constant)"),
            (
                pad((1, 2, 3, 4)).fill([1, 2, 3]),
                "Pad(padding=(1, 2, 3, 4), fill=(1, 2, 3), padding_mode=constant)",
            ),
            (gaussian_blur(5), "GaussianBlur(kernel_size=(5, 5), sigma=(0.1, 2.0))"),
            (gaussian_blur([3, 5]).sigma(1.5), "GaussianBlur(kernel_size=(3, 5), sigma=(1.5, 1.5))"),
            (
                random_rotation(45),
                "RandomRotation(degrees=[-45.0, 45.0], interpolation=nearest, expand=False, fill=0)",
            ),
            (
                random_rotation((0.0, 90.0)).expand(true),
                "RandomRotation(degrees=[0.0, 90.0], interpolation=nearest, expand=True, fill=0)",
            ),
            (random_affine(0).shear(5.0), "RandomAffine(degrees=[-0.0, 0.0], shear=[-5.0, 5.0])"),
            (
                random_affine(0).shear([-1.0, 1.0, 2.0, 3.0]),
                "RandomAffine(degrees=[-0.0, 0.0], shear=[-1.0, 1.0, 2.0, 3.0])",
            ),
            (
                color_jitter(0.2, [0.5, 3.0], 0, [-0.1, 0.2]),
                "ColorJitter(brightness=(0.8, 1.2), contrast=(0.5, 3.0), saturation=None, hue=(-0.1, 0.2))",
            ),
        ] {
            assert_eq!(transform.to_string(), printed);
            transform.check().unwrap();
        }
    }

    /// Sizes that no picture has, of any type, are faults and no wrong sizes.
    #[test]
    fn sizes_out_of_range() {
        for transform in [resize(usize::MAX), resize([u32::MAX; 2]), center_crop(i64::MIN), random_crop(0)] {
            assert!(transform.check().is_err(), "{transform}");
        }
    }
}
