#include "codegen/lower/pull.h"

#include "ir/op.h"

#include <algorithm>

namespace nnc {

Puller::Puller(LoopBuilder& builder, Storage const& storage, Node const& kernel, Target const& target)
    : b_(builder), storage_(storage), kernel_(kernel),
      plan_(scratch_of(storage.function, kernel, storage.numbers, target)) {
  if (plan_.bytes > storage.function.scratch)
    throw CompilerBug("the buffers of a kernel of @" + storage.function.name + " take " + std::to_string(plan_.bytes) +
                      " bytes, planned are " + std::to_string(storage.function.scratch));
  for (auto const& n : kernel.regions.front().nodes)
    for (auto r : n.results) nodes_[r] = &n;
  scopes_.emplace_back();
}

size_t Puller::MemoHash::operator()(MemoKey const& k) const {
  size_t h = k.value * 0x9E3779B97F4A7C15ULL;
  auto mix = [&](u64 x) { h = (h ^ x) * 0x9E3779B97F4A7C15ULL, h ^= h >> 31; };
  mix(static_cast<u64>(k.lanes) << 32 | k.limit);
  for (auto const& c : k.index) {
    mix(static_cast<u64>(c.axes) << 32 | c.at.base);
    mix(static_cast<u64>(c.at.step) << 32 | c.at.offsets);
  }
  return h;
}

Node const* Puller::node_of(ValueId v) const {
  auto found = nodes_.find(v);
  return found == nodes_.end() ? nullptr : found->second;
}

void Puller::provide(ValueId v, Provider p) { provided_[v] = std::move(p); }

LoopBuilder::Open Puller::open(Ref begin, Ref end, i64 step, std::vector<Ref> initial, bool sure) {
  scopes_.emplace_back();
  return b_.open(begin, end, step, std::move(initial), sure);
}

std::vector<Ref> Puller::close(std::vector<Ref> next) {
  scopes_.pop_back();
  return b_.close(std::move(next));
}

Ref Puller::pull(ValueId v, Index const& index) {
  auto const& value = storage_.function.values[v];
  if (value.constant) return b_.constant(value.type.dtype, *value.constant);
  if (auto p = provided_.find(v); p != provided_.end()) return p->second(index);
  MemoKey key{v, lanes_.lanes, lanes_.limit, index};
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
    if (auto found = scope->find(key); found != scope->end()) return found->second;
  Ref r = make(v, index);
  scopes_.back().emplace(std::move(key), r);
  return r;
}

Ref Puller::make(ValueId v, Index const& index) {
  auto found = nodes_.find(v);
  return found == nodes_.end() ? load(v, index) : make_node(*found->second, index);
}

Ref Puller::make_node(Node const& n, Index const& index) {
  auto const& op = info(n.op);
  if (op.has(Trait::elementwise)) return elementwise(n, index);
  if (op.has(Trait::moves_data)) return moved(n, index);
  if (op.has(Trait::contracts)) return dot(n, index);
  if (op.has(Trait::reduces)) return op.join ? reduce(n, index) : arg(n, index);
  if (op.has(Trait::random)) return random(n, index);
  if (n.op == OpCode::iota) return iota(n, index);
  throw CompilerBug("a kernel holds a " + std::string(op.name) + ", which has no value at an index");
}

// Operands of rank 0 serve every element.
Ref Puller::elementwise(Node const& n, Index const& index) {
  std::vector<Ref> operands;
  for (auto o : n.operands) operands.push_back(pull(o, shape(o).empty() ? Index{} : index));
  DType result = dtype(n.result());
  if (n.op == OpCode::stop_gradient) return operands[0];
  if (n.op == OpCode::convert) return b_.convert(operands[0], result);
  if ((n.op == OpCode::floor_div || n.op == OpCode::mod) && is_int(result))
    if (auto divisor = b_.known(operands[1]); !divisor || *divisor == 0)
      count(Counter::zero_divided, b_.compute(OpCode::eq, {operands[1], b_.number(0, {result, 1})}));
  return b_.compute(n.op, operands, result);
}

int Puller::buffer_at(Place const& p) {
  auto text = [&](char const* kind) { return std::string(kind) + "(" + std::to_string(p.index) + ")"; };
  switch (p.kind) {
  case Place::Kind::slot: return b_.buffer(text("slot"), storage_.frame.slots + p.index);
  case Place::Kind::argument: return b_.buffer(text("argument"), storage_.frame.arguments + p.index);
  case Place::Kind::result: return b_.buffer(text("result"), storage_.frame.results + p.index);
  case Place::Kind::round: return b_.buffer(text("round"), storage_.frame.rounds + p.index);
  default: throw CompilerBug("a value without memory is used as a buffer");
  }
}

int Puller::buffer_of(ValueId v) {
  if (storage_.role(v) == Role::rows) return b_.buffer("rows", Frame::rows);
  auto const& place = storage_.places[v];
  if (!place) throw CompilerBug("the value " + storage_.function.values[v].name + " has no place");
  return buffer_at(*place);
}

int Puller::scratch(char const* name, ScratchBuffer::Use use, ValueId of) {
  auto const* planned = plan_.find(use, of);
  return planned ? b_.scratch_buffer(name, planned->bytes, planned->offset) : -1;
}

Ref Puller::load(ValueId v, Index const& index) {
  auto const& type = storage_.function.type(v);
  auto role = storage_.role(v);
  if (role == Role::scalar) {
    i64 const number = storage_.scalar_number[storage_.root[v]];
    return b_.cell(storage_.frame.scalars + number, DType::f64);
  }
  if (role == Role::step) return b_.cell(Frame::step, DType::i64);
  if (role == Role::seed) return b_.cell(Frame::seed, DType::i64);
  auto const& place = storage_.places[v];
  if (place && place->kind == Place::Kind::local) return b_.cell(storage_.frame.locals + place->index, type.dtype);
  int buffer = buffer_of(v);
  bool outside = place->kind != Place::Kind::slot && has_batch(type.shape);
  Index where = padded_rows_ && outside ? rows_within_batch(index, type.shape) : index;
  return load_at(buffer, type.dtype, indexer_.linear(where, type.shape));
}

bool has_batch(Shape const& shape) {
  return std::any_of(shape.begin(), shape.end(), [](Dim const& d) { return d.mentions(Symbol::batch); });
}

// Rows beyond the batch read the last one.
Index Puller::rows_within_batch(Index const& index, Shape const& of) {
  auto axes = indexer_.axes(index, of);
  for (size_t i = 0; i < axes.size(); ++i) {
    if (!of[i].mentions(Symbol::batch)) continue;
    Ref last = b_.subtract(extent(b_, of[i]), b_.integer(1));
    if (axes[i].uniform()) axes[i] = {b_.minimum(axes[i].base, last)};
    else axes[i] = {b_.integer(0), 0, b_.minimum(indexer_.offsets(axes[i]), b_.convert(last, DType::i32))};
  }
  return index_of(axes);
}

Ref Puller::load_at(int buffer, DType dtype, At at) {
  if (at.uniform()) return b_.load(buffer, dtype, 1, at.base);
  if (at.step == 1 && at.offsets == no_ref) {
    bool mask_at_hand = lanes_.limit == no_ref || b_.known(lanes_.limit) || bytes(dtype) == 4;
    if (mask_at_hand) return b_.load(buffer, dtype, lanes_.lanes, at.base, lanes_.limit);
  }
  return b_.load_each(buffer, dtype, at.base, indexer_.offsets({b_.integer(0), at.step, at.offsets}));
}

Ref Puller::lane_mask() {
  Ref limit = b_.convert(lanes_.limit, DType::i32);
  return b_.compute(OpCode::lt, {b_.lane_numbers(lanes_.lanes), limit});
}

void Puller::count(Counter c, Ref condition) {
  if (lanes_.limit != no_ref && b_.type(condition).lanes > 1) condition = b_.both(condition, lane_mask());
  if (valid_ != no_ref) condition = b_.both(condition, valid_);
  b_.count(c, condition);
}

} // namespace nnc
