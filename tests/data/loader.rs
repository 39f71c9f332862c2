//! `DataLoader`: order, epochs, threads, and what goes wrong in them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use herbarium::prelude::*;
use image::RgbImage;
use tch::Tensor;

use crate::support::loading::*;
use crate::support::{TempDir, assert_says};

/// Numbers as samples of one pixel, with a way to be slow or to panic.
#[derive(Debug)]
pub struct Numbers {
    count: usize,
    panics_at: Option<usize>,
    delay: Duration,
    loaded: Arc<AtomicUsize>,
}

impl Numbers {
    pub fn new(count: usize) -> Self {
        Numbers { count, panics_at: None, delay: Duration::ZERO, loaded: Arc::default() }
    }
}

impl Dataset for Numbers {
    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, index: usize, rng: &mut fastrand::Rng) -> herbarium::Result<(Tensor, i64)> {
        std::thread::sleep(self.delay);
        self.loaded.fetch_add(1, Ordering::SeqCst);
        assert_ne!(Some(index), self.panics_at, "number {index} is not to my liking");
        let values = [index as f32, rng.f32()];
        Ok((Tensor::f_from_slice(&values)?.f_view([1, 1, 2])?, index as i64))
    }

    fn path(&self, _: usize) -> Option<&Path> {
        None
    }

    fn classes(&self) -> Vec<String> {
        (0..self.count).map(|number| number.to_string()).collect()
    }
}

#[test]
fn batches_do_not_depend_on_the_number_of_workers() {
    for batch_size in [1, 7, 64, 1000] {
        let make = |workers| {
            let options = LoaderOptions { shuffle: true, seed: Some(5), ..options(batch_size, workers) };
            DataLoader::new(Numbers::new(150), options)
        };
        let reference = make(0);
        for workers in [1, 2, 5] {
            let loader = make(workers);
            assert_eq!(loader.len(), 150usize.div_ceil(batch_size));
            for number in [0, 3] {
                let (ours, theirs) = (epoch(&loader, number), epoch(&reference, number));
                assert_eq!(ours.len(), loader.len());
                for ((labels, images), (expected_labels, expected_images)) in ours.iter().zip(&theirs) {
                    assert_eq!(labels, expected_labels);
                    assert!(images.equal(expected_images));
                }
            }
        }
    }
}

#[test]
fn epochs() {
    let options = LoaderOptions { shuffle: true, ..options(10, 2) };
    let loader = DataLoader::new(Numbers::new(25), options.clone());
    let orders: Vec<Vec<i64>> =
        (0..3).map(|_| loader.iter().flat_map(|batch| numbers(&batch.unwrap().labels)).collect()).collect();
    assert_ne!(orders[0], orders[1]);
    for (number, order) in orders.iter().enumerate() {
        let again: Vec<i64> =
            epoch(&loader, number as u64).into_iter().flat_map(|(labels, _)| labels).collect();
        assert_eq!(&again, order);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..25).collect::<Vec<i64>>());
    }
    // The random transforms of a sample change from epoch to epoch.
    let draw = |number| {
        let samples = epoch(&loader, number);
        let (labels, images) = &samples[0];
        let place = labels.iter().position(|&label| label == labels[0]).unwrap() as i64;
        images.double_value(&[place, 0, 0, 1])
    };
    assert_ne!(draw(0), draw(1));
    // A batch by number is the same every time, and is the first epoch's.
    assert_eq!(numbers(&loader.batch(1).unwrap().labels), orders[0][10..20]);
    assert_eq!(numbers(&loader.batch(2).unwrap().labels), orders[0][20..]);
    assert_says(loader.batch(3), &["no batch 3", "has 3"]);

    let dropping = DataLoader::new(Numbers::new(25), LoaderOptions { drop_last: true, ..options });
    assert_eq!(dropping.len(), 2);
    assert_eq!(dropping.iter().map(|batch| batch.unwrap().len()).collect::<Vec<_>>(), [10, 10]);
    assert_eq!((&dropping).into_iter().epoch(), 1);
}

#[test]
fn prints_itself() {
    let loader = DataLoader::new(Numbers::new(720), LoaderOptions { shuffle: true, ..options(128, 1) });
    let expected = "DataLoader(720 samples, 6 batches of 128, shuffle=True, num_workers=1, seed=0)";
    assert_eq!(loader.to_string(), expected);
    assert_eq!(format!("{loader:?}"), expected);
    assert_eq!(
        loader.batch(0).unwrap().to_string(),
        "Batch(images=torch.Size([128, 1, 1, 2]), labels=torch.Size([128]), paths=128)"
    );
}

#[test]
fn options_that_cannot_work() {
    let loader = DataLoader::new(Numbers::new(3), options(0, 1));
    assert_eq!(loader.len(), 0);
    assert_says(loader.iter().next().unwrap_or_else(|| panic!("an error must come")), &["batch_size is 0"]);
    assert_says(loader.batch(0), &["batch_size is 0"]);
    let empty = DataLoader::new(Numbers::new(0), options(4, 1));
    assert!(empty.iter().next().is_none());
    assert!(empty.is_empty());
}

#[test]
fn a_panic_is_an_error_and_no_hang() {
    for workers in [0, 1, 3] {
        let set = Numbers { panics_at: Some(17), ..Numbers::new(40) };
        let mut batches = DataLoader::new(set, options(10, workers)).iter();
        assert!(batches.next().unwrap().is_ok());
        assert_says(batches.next().unwrap(), &["sample 17 panicked", "not to my liking"]);
        assert!(batches.next().is_none());
    }
}

#[test]
fn dropping_early_stops_the_workers() {
    let set = Numbers { delay: Duration::from_millis(5), ..Numbers::new(100_000) };
    let loaded = set.loaded.clone();
    let options = LoaderOptions { prefetch_batches: 1000, ..options(50, 2) };
    let mut batches = DataLoader::new(set, options).iter();
    batches.next().unwrap().unwrap();
    drop(batches);
    let after = loaded.load(Ordering::SeqCst);
    assert!(after < 50_000, "{after} were loaded, of which nobody wants any");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(loaded.load(Ordering::SeqCst), after);
}

#[test]
fn reading_ahead_is_bounded() {
    let set = Numbers::new(10_000);
    let loaded = set.loaded.clone();
    let options = LoaderOptions { prefetch_batches: 3, ..options(10, 2) };
    let mut batches = DataLoader::new(set, options).iter();
    batches.next().unwrap().unwrap();
    for _ in 0..10_000 {
        if loaded.load(Ordering::SeqCst) >= 40 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(loaded.load(Ordering::SeqCst), 40);
}

#[test]
fn pictures_of_different_sizes_make_no_batch() {
    let dir = TempDir::new();
    dir.pictures("", &["1"], 20);
    RgbImage::new(5, 6).save(dir.path().join("1/odd.png")).unwrap();
    for workers in [0, 2] {
        let folder = ImageFolder::new(&dir, plain()).unwrap();
        let loader = DataLoader::new(folder, options(21, workers));
        assert_says(loader.batch(0), &["odd.png", "[3, 6, 5]", "[3, 10, 12]", "resize([height, width])"]);
    }
}

/// Three classes of 3, 30 and 300 samples, two values each.
#[derive(Debug)]
struct Uneven;

impl Dataset for Uneven {
    fn len(&self) -> usize {
        333
    }

    fn get(&self, index: usize, _: &mut fastrand::Rng) -> herbarium::Result<(Tensor, i64)> {
        Ok((Tensor::f_from_slice(&[index as f32])?.f_view([1, 1, 1])?, self.label(index).unwrap()))
    }

    fn label(&self, index: usize) -> Option<i64> {
        Some(if index < 3 {
            0
        } else if index < 33 {
            1
        } else {
            2
        })
    }

    fn path(&self, _: usize) -> Option<&Path> {
        None
    }

    fn classes(&self) -> Vec<String> {
        ["rare", "fair", "common"].map(String::from).into()
    }
}

#[test]
fn a_balanced_sampler_evens_the_classes_out() {
    let counts = data::ClassCounts::of(&Uneven).unwrap();
    assert_eq!(counts.counts, [3, 30, 300]);
    // scikit-learn's compute_class_weight("balanced"): 333 / (3 * count).
    assert_eq!(counts.weights(), [37.0, 3.7, 0.37]);
    assert_eq!(
        counts.to_string(),
        "333 samples in 3 classes, 3 to 300 each
\
         class   samples   share
rare          3   0.9 %
fair         30   9.0 %
common      300  90.1 %"
    );
    let sampler = Some(WeightedRandomSampler::balanced());
    let loader = DataLoader::new(Uneven, LoaderOptions { sampler, seed: Some(1), ..options(32, 2) });
    assert_eq!(
        loader.to_string(),
        "DataLoader(333 samples, 11 batches of 32, shuffle=False, num_workers=2, seed=1, \
         sampler=WeightedRandomSampler(balanced, replacement=True))"
    );
    let drawn: Vec<i64> =
        (0..10).flat_map(|number| epoch(&loader, number)).flat_map(|(labels, _)| labels).collect();
    assert_eq!(drawn.len(), 3330);
    for class in 0..3 {
        let share = drawn.iter().filter(|&&label| label == class).count() as f64 / 3330.0;
        assert!((share - 1.0 / 3.0).abs() < 5.0 * (2.0 / 9.0 / 3330.0f64).sqrt(), "{class}: {share}");
    }
    let with = |sampler, shuffle| {
        DataLoader::new(Uneven, LoaderOptions { sampler: Some(sampler), shuffle, ..options(32, 2) })
    };
    let few = with(WeightedRandomSampler::new(vec![1.0; 333], 40, false), false);
    assert_eq!((few.len(), epoch(&few, 0).iter().map(|(labels, _)| labels.len()).sum::<usize>()), (2, 40));
    assert_says(with(WeightedRandomSampler::balanced(), true).batch(0), &["mutually exclusive with shuffle"]);
    let wrong =
        |weights: Vec<f64>, count| with(WeightedRandomSampler::new(weights, count, false), false).batch(0);
    assert_says(wrong(vec![1.0; 5], 5), &["5 weights for 333 samples"]);
    assert_says(wrong(vec![1.0; 333], 334), &["num_samples is 334", "333 samples can be drawn"]);
    assert_says(wrong(vec![f64::NAN; 333], 5), &["a weight is NaN"]);
    let numbers = LoaderOptions { sampler: Some(WeightedRandomSampler::balanced()), ..options(4, 0) };
    assert_says(DataLoader::new(Numbers::new(8), numbers).batch(0), &["implement Dataset::label"]);
}
