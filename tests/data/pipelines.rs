//! Transforms of a data set: wrong ones are named, and pipelines nest.

use herbarium::prelude::*;
use herbarium::transforms::{Sample, random_affine};
use image::RgbImage;

use crate::support::loading::*;
use crate::support::{TempDir, assert_says};

#[test]
fn wrong_transforms_are_named() {
    let dir = TempDir::new();
    dir.pictures("", &["1"], 1);
    for (transform, parts) in [
        (random_horizontal_flip(1.5), ["RandomHorizontalFlip", "1.5"]),
        (random_vertical_flip(f64::NAN), ["RandomVerticalFlip", "NaN"]),
        (random_grayscale(-0.1), ["RandomGrayscale", "-0.1"]),
        (resize([-3, 64]), ["Resize", "-3x64"]),
        (resize(0), ["Resize", "0x0"]),
        (resize([1_000_000, 1_000_000]), ["Resize", "pixels at most"]),
        (center_crop([0, 5]), ["CenterCrop", "0x5"]),
        (random_crop([5, -1]), ["RandomCrop", "5x-1"]),
        (random_resized_crop(0), ["RandomResizedCrop", "0x0"]),
        (random_rotation(-45.0), ["RandomRotation", "-45"]),
        (color_jitter(0.2, 0.1, 0.1, 0.7), ["ColorJitter", "hue is 0.7"]),
        (random_affine(0.0).translate([0.1, 2.0]), ["RandomAffine", "2"]),
        (normalize(IMAGENET_MEAN, [0.2, 0.0, 0.2]), ["Normalize", "std holds 0"]),
    ] {
        let pipeline = Compose::new(vec![transform, to_tensor()]);
        assert_says(ImageFolder::new(&dir, pipeline.clone()), &parts);
        let picture = Sample::Picture(RgbImage::new(8, 8));
        assert_says(pipeline.apply(picture, &mut fastrand::Rng::with_seed(0)), &parts);
    }
}

#[test]
fn transforms_in_the_wrong_order() {
    let apply = |transforms| {
        let picture = Sample::Picture(RgbImage::new(8, 8));
        Compose::new(transforms).apply(picture, &mut fastrand::Rng::with_seed(0))
    };
    assert_says(
        apply(vec![to_tensor(), random_rotation(5.0)]),
        &["RandomRotation", "put it before ToTensor()"],
    );
    assert_says(apply(vec![to_tensor(), to_tensor()]), &["ToTensor", "was given a tensor"]);
    assert_says(
        apply(vec![normalize(IMAGENET_MEAN, IMAGENET_STD)]),
        &["Normalize", "put it after ToTensor()"],
    );
    assert_says(
        apply(vec![random_crop([9, 3])]),
        &["RandomCrop", "(9, 3) is larger than input image size (8, 8)"],
    );
    let dir = TempDir::new();
    dir.pictures("", &["1"], 1);
    let folder = ImageFolder::new(&dir, Compose::new(vec![resize([4, 4])])).unwrap();
    let loader = DataLoader::new(folder, options(1, 0));
    assert_says(loader.batch(0), &["000.png", "put to_tensor() at the end"]);
}

/// The same transforms inside a custom transform, and in front of one, give the same.
#[test]
fn pipelines_nest() {
    let picture = RgbImage::from_fn(20, 20, |x, y| image::Rgb([x as u8, y as u8, 9]));
    let run = |compose: Compose| match compose
        .apply(Sample::Picture(picture.clone()), &mut fastrand::Rng::with_seed(4))
        .unwrap()
    {
        Sample::Tensor(tensor) => tensor,
        other => panic!("{other}"),
    };
    let front = vec![random_rotation(30.0), color_jitter(0.5, 0.5, 0.5, 0.5)];
    let back = vec![to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)];
    let flat = Compose::new([front.clone(), back.clone()].concat());
    let nested = Compose::new(vec![Compose::new(front).into(), Compose::new(back).into()]);
    assert!(run(flat.clone()).equal(&run(nested)));
    assert_eq!(flat.deterministic_front(), 0);
    let valid = Compose::new(vec![resize([4, 4]), center_crop(2), random_grayscale(0.1), to_tensor()]);
    assert_eq!(valid.deterministic_front(), 2);
}
