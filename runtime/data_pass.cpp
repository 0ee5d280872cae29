// States of one pass over the data: opened by @begin_pass, kept from batch to batch, a part of checkpoints.
#include "runtime/session.h"

#include <fmt/core.h>

#include <algorithm>

namespace nnc {

void DataPass::take(DataPass const& other) {
  open = other.open;
  if (!open) return;
  auto const& given = other.tensors.at(*open);
  auto const [own, fresh] = tensors.try_emplace(*open, given);
  for (size_t i = 0; !fresh && i < given.size(); ++i)
    std::ranges::copy(given[i].tensor.bytes(), own->second[i].tensor.writable().begin());
}

bool SessionState::carries_batch() const {
  auto const* begin = program_->module().function("begin_pass");
  return begin && std::ranges::any_of(begin->results, [&](Result const& r) {
           return std::ranges::any_of(begin->type(r.value).shape, [](Dim const& d) { return !d.constant(); });
         });
}

DataPass* SessionState::pass_of(Function const& function, Work const& work) {
  if (!program_->module().function("begin_pass")) return nullptr;
  if (work.pass) return work.pass;
  bool const carries = std::ranges::any_of(function.results, [](Result const& r) { return r.role == Role::carried; });
  return !carries ? nullptr : function.name == "evaluate" ? &evaluation_pass : &training_pass;
}

// What depends on the batch has one size throughout a pass.
void SessionState::open(DataPass& pass, i64 batch) {
  i64 const key = carries_batch() ? batch : 0;
  if (pass.open == key) return;
  if (pass.open)
    throw Error(fmt::format("a batch of {} behind one of {}: what is kept `per epoch` has the size of a batch", batch,
                            *pass.open));
  auto const& begin = program_->function("begin_pass");
  auto& tensors = pass.tensors[key];
  Bindings bindings;
  bindings[static_cast<size_t>(Symbol::batch)] = batch;
  if (tensors.empty())
    for (auto const& result : begin.results) {
      std::vector<i64> shape;
      for (auto const& dim : begin.type(result.value).shape) shape.push_back(dim.value(bindings));
      check_memory(size_or_error(begin.type(result.value).dtype, shape, result.name));
      tensors.push_back({result.name, HostTensor(begin.type(result.value).dtype, shape)});
    }
  pass.open = key;
  try {
    call(begin, Work{.batch = batch, .pass = &pass});
  } catch (...) {
    pass.close();
    throw;
  }
}

HostTensor& SessionState::carried(Function const& function, std::string const& name, Work const& work) {
  auto& pass = *pass_of(function, work);
  for (auto& named : pass.tensors.at(*pass.open))
    if (named.name == name) return named.tensor;
  throw CompilerBug(fmt::format("nothing begins the state '{}'", name));
}

// The pass that a checkpoint is in the middle of, which has room of its own: bound calls of before do not know it.
DataPass SessionState::pass_in(Checkpoint const& checkpoint, std::string const& from) const {
  DataPass pass;
  if (checkpoint.carried.empty()) return pass;
  auto const* begin = program_->module().function("begin_pass");
  i64 batch = 0;
  std::vector<NamedTensor> tensors;
  for (auto const& result : begin ? begin->results : std::vector<Result>{}) {
    auto const* found = named(checkpoint.carried, result.name);
    auto const& type = begin->type(result.value);
    bool fits = found && found->tensor.dtype() == type.dtype && std::ssize(found->tensor.shape()) == type.rank();
    for (size_t i = 0; fits && i < type.shape.size(); ++i) {
      auto const extent = type.shape[i].constant();
      if (!extent) batch = std::max<i64>(batch, found->tensor.shape()[i]);
      fits = !extent || *extent == found->tensor.shape()[i];
    }
    if (!fits)
      throw Error(fmt::format("{} has no '{}' that is {}, which the program needs", from, result.name, type.text()));
    HostTensor copy(type.dtype, found->tensor.shape());
    std::ranges::copy(found->tensor.bytes(), copy.writable().begin());
    tensors.push_back({result.name, std::move(copy)});
  }
  if (tensors.size() != checkpoint.carried.size())
    throw Error(fmt::format("{} has '{}', which the program has not", from, checkpoint.carried.front().name));
  pass.tensors.emplace(carries_batch() ? batch : 0, std::move(tensors));
  pass.open = carries_batch() ? batch : 0;
  return pass;
}

} // namespace nnc
