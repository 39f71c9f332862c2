// libtorch's accelerator side with a C interface. Tensors are tch's C_tensor*, which are at::Tensor*; a device is -1 for the
// CPU or the number of a GPU. Every function returns null, or what went wrong, as torch_cpp.h says.
#include <ATen/Context.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/version.h>
#include <torch_cpp.h>

// Older ones do not say how full a GPU is without CUDA's own headers.
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 10
#define TORCH_ACCELERATOR_MEMORY
#include <c10/core/CachingDeviceAllocator.h>
#endif

// ATen/autocast_mode.h declares these, and takes six times as long to compile.
namespace at::autocast {
TORCH_API bool is_autocast_enabled(at::DeviceType device_type);
TORCH_API void set_autocast_enabled(at::DeviceType device_type, bool enabled);
TORCH_API at::ScalarType get_autocast_dtype(at::DeviceType device_type);
TORCH_API void set_autocast_dtype(at::DeviceType device_type, at::ScalarType dtype);
TORCH_API void clear_cache();
TORCH_API int increment_nesting();
TORCH_API int decrement_nesting();
}

#ifdef TORCH_ACCELERATOR_CUDA
namespace at::cuda {
int warp_size();
}
// Makes whoever uses this library need libtorch_cuda, whose start registers CUDA.
static int (*const volatile torch_accelerator_cuda)() __attribute__((used, retain)) = at::cuda::warp_size;
#endif

using torch_cpp::guarded;
using torch_cpp::tensors;

static c10::Device device_of(int number) {
  return number < 0 ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(number));
}

struct torch_accelerator_stream {
  c10::impl::VirtualGuardImpl device;
  c10::Stream side;
};
struct torch_accelerator_copies {
  c10::Event done;
};

extern "C" {
// Whether libtorch's CUDA half is there, GPU or not.
int torch_accelerator_links_cuda() {
#ifdef TORCH_ACCELERATOR_CUDA
  return torch_accelerator_cuda != nullptr;
#else
  return 0;
#endif
}

// As torch.autocast's __enter__ and __exit__; `before` is what was in force: two numbers.
char* torch_accelerator_autocast_enter(int device, int kind, int* before) {
  return guarded([&] {
    auto type = device_of(device).type();
    before[0] = at::autocast::is_autocast_enabled(type);
    before[1] = static_cast<int>(at::autocast::get_autocast_dtype(type));
    at::autocast::set_autocast_dtype(type, static_cast<at::ScalarType>(kind));
    at::autocast::set_autocast_enabled(type, true);
    at::autocast::increment_nesting();
  });
}
char* torch_accelerator_autocast_exit(int device, const int* before) {
  return guarded([&] {
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    auto type = device_of(device).type();
    at::autocast::set_autocast_enabled(type, before[0]);
    at::autocast::set_autocast_dtype(type, static_cast<at::ScalarType>(before[1]));
  });
}

// The switches of torch.backends, in this order: cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32,
// cuda.matmul.allow_tf32, torch.use_deterministic_algorithms.
char* torch_accelerator_backends_get(int* switches) {
  return guarded([&] {
    auto& context = at::globalContext();
    switches[0] = context.benchmarkCuDNN();
    switches[1] = context.deterministicCuDNN();
    switches[2] = context.allowTF32CuDNN();
    switches[3] = context.allowTF32CuBLAS();
    switches[4] = context.deterministicAlgorithms();
  });
}
char* torch_accelerator_backends_set(const int* switches) {
  return guarded([&] {
    auto& context = at::globalContext();
    context.setBenchmarkCuDNN(switches[0]);
    context.setDeterministicCuDNN(switches[1]);
    context.setAllowTF32CuDNN(switches[2]);
    context.setAllowTF32CuBLAS(switches[3]);
    context.setDeterministicAlgorithms(switches[4], /*warn_only=*/false);
  });
}

// Bytes: allocated, its peak, reserved, free on the device, the device's total.
char* torch_accelerator_memory(int device, uint64_t* bytes) {
  return guarded([&] {
#ifdef TORCH_ACCELERATOR_MEMORY
    auto place = device_of(device);
    auto* allocator = c10::getDeviceAllocator(place.type());
    // Before the first tensor there are no statistics.
    if (allocator->initialized()) {
      auto stats = allocator->getDeviceStats(place.index());
      bytes[0] = stats.allocated_bytes[0].current;
      bytes[1] = stats.allocated_bytes[0].peak;
      bytes[2] = stats.reserved_bytes[0].current;
    }
    auto [free, total] = allocator->getMemoryInfo(place.index());
    bytes[3] = free;
    bytes[4] = total;
#else
    TORCH_CHECK(false, "a GPU's memory is known from libtorch 2.10 on");
#endif
  });
}
char* torch_accelerator_empty_cache(int device) {
  return guarded([&] {
#ifdef TORCH_ACCELERATOR_MEMORY
    auto* allocator = c10::getDeviceAllocator(device_of(device).type());
    if (allocator->initialized()) {
      allocator->emptyCache();
    }
#else
    TORCH_CHECK(false, "a GPU's memory is known from libtorch 2.10 on");
#endif
  });
}

// Pinned memory is what the driver copies from by itself. tch's functions for it warn at each call.
char* torch_accelerator_is_pinned(const void* tensor, int* out) {
  return guarded([&] {
    const auto& it = *static_cast<const at::TensorBase*>(tensor);
    *out = it.is_cpu() && at::globalContext().isPinnedPtr(it.storage().data(), c10::kCUDA);
  });
}
// `out` is a C_tensor* of tch's.
char* torch_accelerator_empty_pinned(const int64_t* sizes, size_t dimensions, int kind, void** out) {
  return guarded([&] {
    auto empty = at::detail::empty_cpu({sizes, dimensions}, static_cast<at::ScalarType>(kind), /*pin_memory=*/true);
    *out = new at::Tensor(std::move(empty));
  });
}

// A step of torch.optim.Adam(fused=True), or of AdamW: each list has `count` tensors on one device, and all of them had `step`
// steps with this one.
char* torch_accelerator_fused_adam(void* const* parameters, void* const* gradients, void* const* averages, void* const* squares, size_t count,
                                   double step, double lr, double beta1, double beta2, double weight_decay, double eps, int decoupled) {
  return guarded([&] {
    auto weights = tensors(parameters, count);
    std::vector<at::Tensor> steps(count, at::full({}, step, weights.at(0).options().dtype(at::kFloat).requires_grad(false)));
    auto grads = tensors(gradients, count), means = tensors(averages, count), variances = tensors(squares, count);
    if (decoupled) {
      at::_fused_adamw_(weights, grads, means, variances, {}, steps, lr, beta1, beta2, weight_decay, eps, /*amsgrad=*/false, /*maximize=*/false);
    } else {
      at::_fused_adam_(weights, grads, means, variances, {}, steps, lr, beta1, beta2, weight_decay, eps, /*amsgrad=*/false, /*maximize=*/false);
    }
  });
}

// As GradScaler's unscale_: multiplies all gradients by `inverse`, and sets `found_inf` to 1 if one is not finite.
char* torch_accelerator_unscale(void* const* gradients, size_t count, const void* found_inf, const void* inverse) {
  return guarded([&] {
    auto found = *static_cast<const at::Tensor*>(found_inf);
    at::_amp_foreach_non_finite_check_and_unscale_(tensors(gradients, count), found, *static_cast<const at::Tensor*>(inverse));
  });
}

// As zero_grad(set_to_none=True).
char* torch_accelerator_forget_gradients(void* const* parameters, size_t count) {
  return guarded([&] {
    for (const auto& parameter : tensors(parameters, count)) {
      parameter.mutable_grad().reset();
    }
  });
}

// A stream beside the one that computes.
char* torch_accelerator_stream_new(int device, torch_accelerator_stream** out) {
  return guarded([&] {
    auto place = device_of(device);
    TORCH_CHECK(!place.is_cpu(), "the CPU has no streams");
    c10::impl::VirtualGuardImpl implementation(place.type());
    *out = new torch_accelerator_stream{implementation, implementation.getStreamFromGlobalPool(place)};
  });
}
void torch_accelerator_stream_free(torch_accelerator_stream* stream) { delete stream; }
// What is started between the two runs on the side stream; `before` is the stream that was in force.
char* torch_accelerator_stream_enter(torch_accelerator_stream* stream, int64_t* before) {
  return guarded([&] {
    auto was = stream->device.exchangeStream(stream->side);
    before[0] = was.id();
    before[1] = was.device_index();
  });
}
char* torch_accelerator_stream_exit(torch_accelerator_stream* stream, const int64_t* before, torch_accelerator_copies** out) {
  return guarded([&] {
    c10::Device device(stream->side.device_type(), static_cast<c10::DeviceIndex>(before[1]));
    stream->device.exchangeStream(c10::Stream(c10::Stream::UNSAFE, device, before[0]));
    auto copies = std::make_unique<torch_accelerator_copies>(torch_accelerator_copies{c10::Event(device.type())});
    copies->done.record(stream->side);
    *out = copies.release();
  });
}
// The stream that computes waits for the copies, and keeps the memory of the tensors until it has used them.
char* torch_accelerator_copies_wait(torch_accelerator_stream* stream, torch_accelerator_copies* copies, void* const* pointers, size_t count) {
  return guarded([&] {
    auto current = stream->device.getStream(stream->side.device());
    copies->done.block(current);
    for (size_t i = 0; i < count; i++) {
      const auto& tensor = *static_cast<const at::TensorBase*>(pointers[i]);
      stream->device.recordDataPtrOnStream(tensor.storage().data_ptr(), current);
    }
  });
}
void torch_accelerator_copies_free(torch_accelerator_copies* copies) { delete copies; }
}
