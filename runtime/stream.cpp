#include "runtime/stream.h"

#include "runtime/failure.h"
#include "runtime/random.h"

#include <fmt/core.h>

#include <chrono>

namespace nnc {

// Memory for both batches; the thread starts with the first.
BatchReader::BatchReader(SessionState const& state, DataContents const& data, i64 batch, i64 epoch, i64 first,
                         std::optional<i64> most)
    : state_(state), data_(data), size_(batch), epoch_(epoch), number_(first), left_(most),
      rows_(rows_in_order(batch)) {
  for (auto& slot : slots_) {
    for (auto const& column : data.set.train.columns) {
      auto shape = column.tensor.shape();
      shape[0] = batch;
      auto& made = slot.batch.split.columns.emplace_back(column.name, HostTensor(column.tensor.dtype(), shape));
      auto const bytes = made.tensor.writable();
      slot.buffers.push_back({bytes.data(), batch, bytes.size()});
    }
    slot.batch.columns = bind_columns(state.program(), slot.batch.split, data.set.name, true);
  }
  if (!data.stream->options.own_thread) return;
  try {
    thread_ = Thread([this] { serve(); });
  } catch (NoThread const&) { // between the steps, then
  }
}

BatchReader::~BatchReader() {
  {
    std::lock_guard const lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

i64 BatchReader::rows_from_stream(Slot& slot) {
  if (left_ && *left_ < 1) return 0;
  if (left_) --*left_;
  View<Buffer const> const buffers{slot.buffers.data(), slot.buffers.size()};
  i64 const rows = call_host(data_.stream->next, epoch_, number_, buffers);
  if (rows < 0 || rows > size_)
    throw Error(Code::data, fmt::format("batch {} of epoch {} of {} has {} examples, expected 0 to {}", number_, epoch_,
                                        data_.set.name, rows, size_));
  if (rows == 0 && number_ == 0)
    throw Error(Code::data, fmt::format("epoch {} of {} has no examples", epoch_, data_.set.name));
  ++number_;
  return rows;
}

// Called without the lock: what fills a batch may take its time.
void BatchReader::fill(Slot& slot) {
  std::exception_ptr failure;
  i64 rows = 0;
  try {
    rows = rows_from_stream(slot);
  } catch (...) {
    failure = std::current_exception();
  }
  std::lock_guard const lock(mutex_);
  slot.batch.rows = rows;
  slot.stage = rows < size_ ? Stage::last : Stage::filled;
  failure_ = failure;
}

void BatchReader::serve() {
  FloatEnvironment const environment;
  for (bool last = false; !last; writing_ = 1 - writing_) {
    auto& slot = slots_[writing_];
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closing_ || slot.stage == Stage::free; });
      if (closing_) return;
    }
    fill(slot);
    last = slot.stage == Stage::last;
    changed_.notify_all();
  }
}

BatchReader::Slot* BatchReader::wait() {
  auto& slot = slots_[reading_];
  if (!thread_.runs() && slot.stage == Stage::free) fill(slot);
  std::unique_lock lock(mutex_);
  auto const ready = [&] { return slot.stage != Stage::free; };
  while (!changed_.wait_for(lock, std::chrono::milliseconds(10), ready))
    if (state_.is_cancelled()) return nullptr;
  if (failure_ && slot.stage == Stage::last) std::rethrow_exception(failure_);
  return &slot;
}

BatchReader::Batch const* BatchReader::next() {
  if (ended_) return nullptr;
  if (holds_) {
    std::lock_guard const lock(mutex_);
    slots_[1 - reading_].stage = Stage::free;
    holds_ = false;
  }
  changed_.notify_all();
  auto* const slot = wait();
  if (!slot) return nullptr;
  ended_ = slot->stage == Stage::last;
  if (slot->batch.rows == 0) return nullptr;
  reading_ = 1 - reading_;
  holds_ = true;
  return &slot->batch;
}

bool BatchReader::at_end() {
  if (ended_) return true;
  auto const* const slot = wait();
  return slot && slot->stage == Stage::last && slot->batch.rows == 0;
}

} // namespace nnc
