// How a function with a C interface fails: it returns null, or what went wrong, which torch_cpp::Outcome frees.
#pragma once
#include <c10/util/Exception.h>
#include <cstring>

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
}
