// c10d's store, process group and DDP's reducer with a C interface. Tensors are tch's C_tensor*, which are at::Tensor*.
// Every function returns null, or what went wrong, as torch_cpp.h says.
#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <torch/headeronly/version.h>
#include <torch_cpp.h>
#include <algorithm>
#include <set>

#if TORCH_VERSION_MAJOR != 2 || TORCH_VERSION_MINOR != 13
#error "torch-c10d and its declarations of gloo (stubs/) are for libtorch 2.13"
#endif

using std::chrono::milliseconds;
using torch_cpp::guarded;

struct c10d_store {
  c10::intrusive_ptr<c10d::Store> store;
};
struct c10d_group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroup> group;
  c10::intrusive_ptr<c10d::Backend> gloo;
  milliseconds timeout;
  bool chosen_for_gpu = false;
};
struct c10d_reducer {
  std::shared_ptr<c10d::Reducer> reducer;
};

#ifdef USE_C10D_NCCL
// Whether two ranks compute on one GPU, with which NCCL fails. Every rank asks at the same time.
static bool share_a_gpu(c10d_group& group, c10::Device device) {
  const auto& uuid = at::cuda::getDeviceProperties(device.index())->uuid.bytes;
  auto key = [](int rank) { return "gpu/" + std::to_string(rank); };
  group.store->set(key(group.group->getRank()), std::vector<uint8_t>(uuid, uuid + sizeof uuid));
  std::set<std::vector<uint8_t>> gpus;
  for (int rank = 0; rank < group.group->getSize(); rank++) {
    group.store->wait({key(rank)}, group.timeout);
    gpus.insert(group.store->get(key(rank)));
  }
  return static_cast<int>(gpus.size()) < group.group->getSize();
}
#endif

// What exchanges tensors on GPUs is chosen when the first ones come, because until then nobody knows which GPUs the ranks
// take: NCCL, as by init_process_group's "cpu:gloo,cuda:nccl", or gloo where this library lacks NCCL or ranks share a GPU.
static void choose_for_gpu(c10d_group& group, const std::vector<at::Tensor>& tensors) {
  auto on_gpu = std::find_if(tensors.begin(), tensors.end(), [](const auto& tensor) { return tensor.is_cuda(); });
  if (group.chosen_for_gpu || on_gpu == tensors.end()) {
    return;
  }
#ifdef USE_C10D_NCCL
  if (!share_a_gpu(group, on_gpu->device())) {
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = group.timeout;
    auto store = c10::make_intrusive<c10d::PrefixStore>("cuda/", group.store);
    auto nccl = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, group.group->getRank(), group.group->getSize(), options);
    nccl->setSequenceNumberForGroup();
    group.group->setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::BackendType::NCCL, c10::intrusive_ptr<c10d::Backend>(nccl));
    group.chosen_for_gpu = true;
    return;
  }
#endif
  group.group->setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::BackendType::GLOO, group.gloo);
  group.chosen_for_gpu = true;
}

static std::vector<at::Tensor> exchanged(c10d_group& group, void* const* pointers, size_t count, bool detached = true) {
  auto all = torch_cpp::tensors(pointers, count);
  if (detached) {
    std::transform(all.begin(), all.end(), all.begin(), [](const at::Tensor& tensor) { return tensor.detach(); });
  }
  choose_for_gpu(group, all);
  return all;
}

extern "C" {
// The server returns at once; clients wait for it and announce themselves, as PyTorch's do.
char* c10d_store_open(const char* host, uint16_t port, int world, int serves, int64_t timeout_ms, c10d_store** out) {
  return guarded([&] {
    // From here on TORCH_CPP_LOG_LEVEL counts. Errors are returned, and need not be logged as well.
    setenv("TORCH_CPP_LOG_LEVEL", "FATAL", 0);
    c10::initLogging();
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = serves;
    options.numWorkers = world;
    options.waitWorkers = !serves;
    options.multiTenant = serves;
    options.timeout = milliseconds(timeout_ms);
    *out = new c10d_store{c10::make_intrusive<c10d::TCPStore>(host, options)};
  });
}
char* c10d_store_close(c10d_store* store) { return guarded([&] { delete store; }); }
char* c10d_store_set(c10d_store* store, const char* key, const uint8_t* value, size_t size) {
  return guarded([&] { store->store->set(key, std::vector<uint8_t>(value, value + size)); });
}
// Waits for the key; the value is a text.
char* c10d_store_get(c10d_store* store, const char* key, int64_t timeout_ms, char** out) {
  return guarded([&] {
    store->store->wait({key}, milliseconds(timeout_ms));
    auto value = store->store->get(key);
    *out = strndup(reinterpret_cast<const char*>(value.data()), value.size());
  });
}

// `prefix` and those below it are init_process_group's for its default group: a Python peer finds the same keys.
// `address`: this machine's, as the others reach it; GLOO_SOCKET_IFNAME comes first, as in Python.
char* c10d_group_join(c10d_store* store, const char* prefix, int rank, int world, const char* address, int64_t timeout_ms, c10d_group** out) {
  return guarded([&] {
    milliseconds timeout(timeout_ms);
    store->store->setTimeout(timeout);
    auto of_group = c10::make_intrusive<c10d::PrefixStore>("0/", c10::make_intrusive<c10d::PrefixStore>(prefix, store->store));
    bool named = getenv("GLOO_SOCKET_IFNAME") != nullptr;
    auto options = named ? c10d::ProcessGroupGloo::Options::create_default(timeout) : c10d::ProcessGroupGloo::Options::create(timeout);
    if (!named) {
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(address));
      options->threads = 2;
    }
    auto gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>("cpu/", of_group), rank, world, options);
    gloo->setSequenceNumberForGroup();
    auto group = c10::make_intrusive<c10d::ProcessGroup>(of_group, rank, world);
    group->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
    group->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO, c10::intrusive_ptr<c10d::Backend>(gloo));
    group->setGroupName("0");
    *out = new c10d_group{of_group, group, gloo, timeout};
  });
}
char* c10d_group_leave(c10d_group* group) { return guarded([&] { delete group; }); }

// Whether tensors on GPUs are exchanged by NCCL, where each rank has its own GPU.
int c10d_has_nccl() {
#ifdef USE_C10D_NCCL
  return 1;
#else
  return 0;
#endif
}

// operation: c10d::ReduceOp::RedOpType
char* c10d_all_reduce(c10d_group* group, void* const* pointers, size_t count, int operation) {
  return guarded([&] {
    for (auto& tensor : exchanged(*group, pointers, count)) {
      std::vector<at::Tensor> one{tensor};
      c10d::AllreduceOptions options;
      options.reduceOp = static_cast<c10d::ReduceOp::RedOpType>(operation);
      options.timeout = group->timeout;
      group->group->allreduce(one, options)->wait();
    }
  });
}
// In flat buffers of at most 250 MB, as DDP does it.
char* c10d_broadcast(c10d_group* group, void* const* pointers, size_t count, int root) {
  return guarded([&] { c10d::broadcast_coalesced(group->group, exchanged(*group, pointers, count), 250 << 20, root); });
}
// Fails on the ranks whose tensors differ from rank 0's in number, shape or kind.
char* c10d_verify(c10d_group* group, void* const* pointers, size_t count) {
  return guarded([&] { c10d::verify_params_across_processes(group->group, exchanged(*group, pointers, count), std::nullopt); });
}

// The tensors are leaves that require gradients, in one order on every rank. Sizes of buckets are DDP's: the first is
// small, so that the exchange begins early; they are known after the first backward pass, which goes as one.
char* c10d_reducer_new(c10d_group* group, void* const* pointers, size_t count, int64_t first_bytes, int64_t bucket_bytes, c10d_reducer** out) {
  return guarded([&] {
    auto parameters = exchanged(*group, pointers, count, false);
    std::vector<bool> sparse(count, false);
    auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(parameters, {SIZE_MAX}, sparse);
    std::reverse(buckets.begin(), buckets.end());
    // Gradients are not views of buckets: tch's zero_grad detaches them in place, which views do not allow.
    *out = new c10d_reducer{std::make_shared<c10d::Reducer>(
        parameters, buckets, group->group, sparse, bucket_bytes, /*find_unused_parameters=*/false,
        /*gradient_as_bucket_view=*/false, std::unordered_map<size_t, std::string>{}, first_bytes,
        /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false, std::vector<int64_t>{})};
  });
}
char* c10d_reducer_before_forward(c10d_reducer* reducer) {
  return guarded([&] {
    reducer->reducer->prepare_for_forward();
    reducer->reducer->rebuild_buckets();
  });
}
char* c10d_reducer_before_backward(c10d_reducer* reducer) {
  return guarded([&] { reducer->reducer->prepare_for_backward({}); });
}
char* c10d_reducer_free(c10d_reducer* reducer) {
  return guarded([&] {
    reducer->reducer->remove_autograd_hooks();
    delete reducer;
  });
}
}
