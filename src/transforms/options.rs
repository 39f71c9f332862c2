//! Options as methods: `random_rotation(45.0).expand(true)`.
//!
//! All steps have one type, so the methods are [`Transform`]'s, and one that a step does not support is recorded
//! like a wrong argument (see the [module](super)). Each step implements [`Options::set`] for the options it
//! supports.

use super::arguments::{Fill, NumberOrRange, Padding, Shear};
use super::{Erased, Interpolation, PaddingMode, Transform, TransformOp};

/// An option with its value.
#[derive(Clone)]
pub(super) enum Setting {
    Center([f64; 2]),
    Expand(bool),
    Fill([u8; 3]),
    Interpolation(Interpolation),
    Magnitude(usize),
    MaxSize(i64),
    NumMagnitudeBins(usize),
    NumOps(usize),
    P(Vec<f64>),
    PadIfNeeded(bool),
    Padding([i64; 4]),
    PaddingMode(PaddingMode),
    Ratio([f64; 2]),
    Scale([f64; 2]),
    Shear(Shear),
    Sigma([f64; 2]),
    Translate([f64; 2]),
    Value(Erased),
    VerticalFlip(bool),
}

impl Setting {
    /// One of each, with any value: what a step takes of these are the options that it has.
    fn each() -> Vec<Setting> {
        vec![
            Setting::Center([0.0; 2]),
            Setting::Expand(false),
            Setting::Fill([0; 3]),
            Setting::Interpolation(Interpolation::Nearest),
            Setting::Magnitude(0),
            Setting::MaxSize(0),
            Setting::NumMagnitudeBins(0),
            Setting::NumOps(0),
            Setting::P(Vec::new()),
            Setting::PadIfNeeded(false),
            Setting::Padding([0; 4]),
            Setting::PaddingMode(PaddingMode::Constant),
            Setting::Ratio([0.0; 2]),
            Setting::Scale([0.0; 2]),
            Setting::Shear(0.0.into()),
            Setting::Sigma([0.0; 2]),
            Setting::Translate([0.0; 2]),
            Setting::Value(Erased::Random),
            Setting::VerticalFlip(false),
        ]
    }

    /// The method's name, which is torchvision's name of the argument.
    fn name(&self) -> &'static str {
        match self {
            Setting::Center(_) => "center",
            Setting::Expand(_) => "expand",
            Setting::Fill(_) => "fill",
            Setting::Interpolation(_) => "interpolation",
            Setting::Magnitude(_) => "magnitude",
            Setting::MaxSize(_) => "max_size",
            Setting::NumMagnitudeBins(_) => "num_magnitude_bins",
            Setting::NumOps(_) => "num_ops",
            Setting::P(_) => "p",
            Setting::PadIfNeeded(_) => "pad_if_needed",
            Setting::Padding(_) => "padding",
            Setting::PaddingMode(_) => "padding_mode",
            Setting::Ratio(_) => "ratio",
            Setting::Scale(_) => "scale",
            Setting::Shear(_) => "shear",
            Setting::Sigma(_) => "sigma",
            Setting::Translate(_) => "translate",
            Setting::Value(_) => "value",
            Setting::VerticalFlip(_) => "vertical_flip",
        }
    }
}

/// A step with options.
pub(super) trait Options: TransformOp + Clone {
    /// Takes the option, or says by `false` that the step has no such option.
    fn set(&mut self, setting: Setting) -> bool;
}

/// The step with the option, where it has one of that name.
pub(super) type SetOption = fn(&Transform, Setting) -> Option<Transform>;

/// [`SetOption`] of a step that is a `T`.
pub(super) fn set_option<T: Options>(transform: &Transform, setting: Setting) -> Option<Transform> {
    let mut step = transform.downcast_ref::<T>()?.clone();
    step.set(setting).then(|| Transform::with_options(step))
}

/// What is said of a step that has no option `name`.
pub(super) fn no_such_option(transform: &Transform, name: &str) -> String {
    let has = |setting: &Setting| transform.set_option(setting.clone()).is_some();
    let names: Vec<String> =
        Setting::each().iter().filter(|setting| has(setting)).map(|it| format!("`{}`", it.name())).collect();
    match &names[..] {
        [] => format!("has no option `{name}` and no others"),
        names => format!("has no option `{name}`, but {}", names.join(", ")),
    }
}

/// Options, by torchvision's names. Each method says which transforms have it; for any other, the mistake is
/// recorded and reported by [`Transform::check`].
impl Transform {
    /// How values between pixels are computed.
    ///
    /// Of `resize`, `random_resized_crop` and `random_perspective` (default bilinear), and of `random_rotation`,
    /// `random_affine`, `rand_augment` and `trivial_augment_wide` (default nearest).
    pub fn interpolation(self, interpolation: Interpolation) -> Self {
        self.with(Setting::Interpolation(interpolation))
    }

    /// The colour of what comes in: a grey or `[red, green, blue]`, 0..=255. Default black.
    ///
    /// Of `pad`, `random_crop`, `random_rotation`, `random_affine`, `random_perspective`, `rand_augment` and
    /// `trivial_augment_wide`.
    pub fn fill(self, fill: impl Into<Fill>) -> Self {
        self.with(Setting::Fill(fill.into().0))
    }

    /// The maximum of the longer side in pixels, larger than the shorter side's size: if it would be
    /// exceeded, the whole picture is made smaller. Default none. Of `resize` by the shorter side.
    pub fn max_size(self, max_size: i64) -> Self {
        self.with(Setting::MaxSize(max_size))
    }

    /// `[smallest, largest]`: of `random_resized_crop` the share of the picture's area that a crop takes (default
    /// 0.08 to 1), of `random_erasing` the share that is erased (default 0.02 to 0.33), of `random_affine` the
    /// factor of the size, above 0 (default none).
    pub fn scale(self, scale: [f64; 2]) -> Self {
        self.with(Setting::Scale(scale))
    }

    /// `[smallest, largest]`: of `random_resized_crop` the ratio of a crop's width to its height (default 3/4 to
    /// 4/3), of `random_erasing` that of height to width (default 0.3 to 3.3).
    pub fn ratio(self, ratio: [f64; 2]) -> Self {
        self.with(Setting::Ratio(ratio))
    }

    /// Whether the result is as large as the whole rotated picture needs. Default no: the size stays. Of
    /// `random_rotation`.
    pub fn expand(self, expand: bool) -> Self {
        self.with(Setting::Expand(expand))
    }

    /// What to rotate, scale and shear about, [right, down] in pixels from the upper left corner. Default the
    /// middle. Of `random_rotation` and `random_affine`.
    pub fn center(self, center: [f64; 2]) -> Self {
        self.with(Setting::Center(center))
    }

    /// Largest shift as a fraction of the width and of the height, 0..=1. Default none. Of `random_affine`.
    pub fn translate(self, translate: [f64; 2]) -> Self {
        self.with(Setting::Translate(translate))
    }

    /// Shearing in degrees: by up to so many along x either way, `[smallest, largest]` along x, or
    /// `[smallest x, largest x, smallest y, largest y]`. Default none. Of `random_affine`.
    pub fn shear(self, shear: impl Into<Shear>) -> Self {
        self.with(Setting::Shear(shear.into()))
    }

    /// What borders show. Default [`PaddingMode::Constant`], one colour. Of `pad` and `random_crop`.
    pub fn padding_mode(self, padding_mode: PaddingMode) -> Self {
        self.with(Setting::PaddingMode(padding_mode))
    }

    /// Borders that are added first, in pixels: every one, `[left and right, top and bottom]`, or
    /// `[left, top, right, bottom]`. Default none. Of `random_crop`.
    pub fn padding(self, padding: impl Into<Padding>) -> Self {
        self.with(Setting::Padding(padding.into().0))
    }

    /// Whether a picture that is smaller than the crop is padded on both sides by what is missing. Default no: it
    /// is an error. Of `random_crop`.
    pub fn pad_if_needed(self, pad_if_needed: bool) -> Self {
        self.with(Setting::PadIfNeeded(pad_if_needed))
    }

    /// Whether the second five crops are of the picture flipped top to bottom, not left to right. Default no. Of
    /// `ten_crop`.
    pub fn vertical_flip(self, vertical_flip: bool) -> Self {
        self.with(Setting::VerticalFlip(vertical_flip))
    }

    /// The standard deviation of the blur in pixels, or `[smallest, largest]`. Default 0.1 to 2. Of
    /// `gaussian_blur`.
    pub fn sigma(self, sigma: impl Into<NumberOrRange>) -> Self {
        self.with(Setting::Sigma(match sigma.into() {
            NumberOrRange::Number(sigma) => [sigma; 2],
            NumberOrRange::Range(range) => range,
        }))
    }

    /// What comes in place of what is erased: a number, `[red, green, blue]`, or [`Erased::Random`]. Default 0. Of
    /// `random_erasing`.
    pub fn value(self, value: impl Into<Erased>) -> Self {
        self.with(Setting::Value(value.into()))
    }

    /// How many augmentations follow one another. Default 2. Of `rand_augment`.
    pub fn num_ops(self, num_ops: usize) -> Self {
        self.with(Setting::NumOps(num_ops))
    }

    /// The strength of the augmentations, from 0 to below `num_magnitude_bins`. Default 9. Of `rand_augment`.
    pub fn magnitude(self, magnitude: usize) -> Self {
        self.with(Setting::Magnitude(magnitude))
    }

    /// How many strengths there are, at least 2. Default 31. Of `rand_augment` and `trivial_augment_wide`.
    pub fn num_magnitude_bins(self, num_magnitude_bins: usize) -> Self {
        self.with(Setting::NumMagnitudeBins(num_magnitude_bins))
    }

    /// The weight of each transform, 0 or more, of any sum. Default all the same. Of `random_choice`.
    pub fn p(self, weights: impl Into<Vec<f64>>) -> Self {
        self.with(Setting::P(weights.into()))
    }

    /// The step with the option, or with the mistake noted.
    fn with(self, setting: Setting) -> Self {
        let name = setting.name();
        match self.set_option(setting) {
            Some(changed) => changed.keeping_mistake_of(&self),
            None => {
                let mistake = no_such_option(&self, name);
                self.with_mistake(mistake)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;

    /// An unsupported option is named, together with the supported ones, and stays an error whatever follows.
    #[test]
    fn options_of_other_steps() {
        let message = |transform: Transform| transform.check().unwrap_err().to_string();
        assert_eq!(
            message(resize(64).expand(true).interpolation(Interpolation::Nearest)),
            "Resize: has no option `expand`, but `interpolation`, `max_size`"
        );
        assert_eq!(message(center_crop(64).fill(3)), "CenterCrop: has no option `fill` and no others");
        assert_eq!(message(to_tensor().p([1.0])), "ToTensor: has no option `p` and no others");
        assert!(message(random_rotation(-5.0).expand(true)).contains("degrees is -5"));
        assert!(message(resize(0).max_size(9)).contains("0x0"));
        let pipeline = Compose::new(vec![to_tensor(), resize(64).expand(true)]);
        assert!(pipeline.check().unwrap_err().to_string().starts_with("Resize: has no option"));
    }

    /// The two lists of options hold the same.
    #[test]
    fn every_option_belongs_to_a_step() {
        let steps = [
            resize(1),
            random_resized_crop(1),
            random_crop(1),
            pad(1),
            random_rotation(1),
            random_affine(1),
            ten_crop(1),
            gaussian_blur(1),
            random_erasing(0.5),
            rand_augment(),
            random_choice(vec![]),
        ];
        for setting in super::Setting::each() {
            let name = setting.name();
            assert!(steps.iter().any(|step| step.set_option(setting.clone()).is_some()), "{name}");
        }
    }
}
