// Reports every call of a libtorch operator, see `lib.rs`. It uses only libtorch_cpu and c10, which
// torch-sys links in any case.

#ifndef NDEBUG
#error "the layout of at::RecordFunction depends on NDEBUG, which libtorch was built with"
#endif

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>

namespace {

// Who called an operator: `Caller` in `lib.rs` has the same values.
enum class Caller : uint8_t { Host = 0, Node = 1, Engine = 2 };

// What runs on this thread: the innermost backward node or engine step, or neither, and the number
// of operators that are running inside it.
struct Position {
  Caller caller = Caller::Host;
  int operators = 0;
};

thread_local Position position;

struct Saved : at::ObserverContext {
  explicit Saved(Position position) : position(position) {}
  Position position;
};

using OnCall = void (*)(const char *name, uint8_t caller, bool direct, bool waits);
std::atomic<OnCall> on_call{nullptr};

// Whether this `aten::copy_(self, src, non_blocking)` copies to the host, or from it while it waits.
bool copy_waits(const at::RecordFunction &call) {
  const auto inputs = call.inputs();
  if (inputs.size() < 3 || !inputs[0].isTensor() || !inputs[1].isTensor())
    return false;
  const auto &to = inputs[0].toTensor();
  const auto &from = inputs[1].toTensor();
  if (!to.defined() || !from.defined() || to.is_cpu() == from.is_cpu())
    return false;
  return to.is_cpu() || !inputs[2].toBool();
}

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction &call) {
  auto saved = std::make_unique<Saved>(position);
  if (call.scope() == at::RecordScope::BACKWARD_FUNCTION) {
    position = {Caller::Node, 0};
  } else if (call.operator_name()) {
    const char *name = call.name();
    // A worker of a parallel loop runs for an operator of another thread.
    const bool direct = position.operators == 0 && !at::in_parallel_region();
    const bool waits = std::strcmp(name, "aten::copy_") == 0 && copy_waits(call);
    on_call.load()(name, static_cast<uint8_t>(position.caller), direct, waits);
    position.operators += 1;
  } else if (std::strncmp(call.name(), "autograd::engine::", 18) == 0) {
    // The engine evaluates a node: it runs the node, and adds up gradients.
    position = {Caller::Engine, 0};
  }
  // Other names are ranges of code, and not operators.
  return saved;
}

void leave(const at::RecordFunction &, at::ObserverContext *context) {
  if (const auto *saved = static_cast<Saved *>(context))
    position = saved->position;
}

} // namespace

extern "C" uint64_t ressenti_operators_start(OnCall callback) {
  on_call = callback;
  return at::addGlobalCallback(
      at::RecordFunctionCallback(enter, leave)
          .needsInputs(true)
          .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
}

extern "C" void ressenti_operators_stop(uint64_t handle) {
  at::removeCallback(handle);
}
