// How a function with a C interface fails, which returns null or what went wrong, freed by torch_cpp::Outcome; and how it takes tensors.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>
#include <cstring>
#include <vector>

namespace torch_cpp {
// Runs `body`, and catches what it throws.
template <class F> char* guarded(F body) {
  try {
    body();
    return nullptr;
  } catch (const c10::Error& error) {
    return strdup(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("unknown C++ exception");
  }
}

// The tensors of torch_cpp::pointers.
inline std::vector<at::Tensor> tensors(void* const* pointers, size_t count) {
  std::vector<at::Tensor> all;
  all.reserve(count);
  for (size_t i = 0; i < count; i++) {
    all.push_back(*static_cast<const at::Tensor*>(pointers[i]));
  }
  return all;
}
}
