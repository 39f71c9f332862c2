//! Which networks a test takes that has no time for all.

/// One network of each kind.
pub const ONE_OF_EACH: &[&str] = &[
    "resnet18",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "alexnet",
    "vgg11",
    "vgg11_bn",
    "squeezenet1_0",
    "squeezenet1_1",
    "densenet121",
    "inception_v3",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "convnext_tiny",
];
