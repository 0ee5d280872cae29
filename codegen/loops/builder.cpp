#include "codegen/loops/builder.h"

#include "ir/op.h"

#include <bit>

namespace nnc {

int operand_count(Inst const& i) {
  switch (i.act) {
  case Act::constant:
  case Act::cell:
  case Act::index:
  case Act::carried:
  case Act::result:
  case Act::loop:
  case Act::lane_numbers: return 0;
  case Act::set_cell:
  case Act::bit_width:
  case Act::splat:
  case Act::tree:
  case Act::prefetch:
  case Act::count: return 1;
  case Act::quotient:
  case Act::remainder:
  case Act::extract:
  case Act::load:
  case Act::load_each: return 2;
  case Act::fma:
  case Act::insert:
  case Act::store: return 3;
  case Act::transpose:
  case Act::philox: return 4;
  case Act::compute: return info(i.op).arity;
  }
  return 0;
}

bool writes(Act a) {
  return a == Act::set_cell || a == Act::store || a == Act::count || a == Act::loop || a == Act::prefetch ||
         a == Act::transpose;
}

bool LoopBuilder::Key::operator==(Key const& o) const {
  return inst.act == o.inst.act && inst.op == o.inst.op && inst.type == o.inst.type && inst.args == o.inst.args &&
         inst.number == o.inst.number && inst.scalar.i == o.inst.scalar.i &&
         std::bit_cast<u64>(inst.scalar.f) == std::bit_cast<u64>(o.inst.scalar.f);
}

size_t LoopBuilder::Hash::operator()(Key const& k) const {
  u64 h = 1469598103934665603ULL;
  auto mix = [&](u64 x) { h = (h ^ x) * 0x9E3779B97F4A7C15ULL, h ^= h >> 29; };
  mix(static_cast<u64>(k.inst.act) | static_cast<u64>(k.inst.op) << 8 | static_cast<u64>(k.inst.type.dtype) << 24 |
      static_cast<u64>(k.inst.type.lanes) << 32);
  for (auto a : k.inst.args) mix(a);
  mix(static_cast<u64>(k.inst.number));
  mix(static_cast<u64>(k.inst.scalar.i) ^ std::bit_cast<u64>(k.inst.scalar.f));
  return h;
}

LoopBuilder::LoopBuilder(Loops& loops) : loops_(loops) { scopes_.emplace_back(); }

void LoopBuilder::finish() {
  if (scopes_.size() != 1 || !opened_.empty()) throw CompilerBug("a loop was left open");
  loops_.body = std::move(scopes_.front().list);
}

int LoopBuilder::buffer(std::string name, i64 cell) {
  for (size_t i = 0; i < loops_.buffers.size(); ++i)
    if (loops_.buffers[i].cell == cell) return static_cast<int>(i);
  loops_.buffers.push_back({.name = std::move(name), .cell = cell});
  written_.push_back(false);
  return static_cast<int>(loops_.buffers.size()) - 1;
}

int LoopBuilder::stack_buffer(std::string name, i64 bytes) {
  constexpr i64 most = 4096; // the sums of a tile fill the registers
  if (bytes > most) throw CompilerBug("a buffer of " + std::to_string(bytes) + " bytes is on no list of scratch");
  return scratch_buffer(std::move(name), bytes, -1);
}

int LoopBuilder::scratch_buffer(std::string name, i64 bytes, i64 offset) {
  loops_.buffers.push_back({.name = std::move(name), .cell = -1, .bytes = bytes, .offset = offset});
  written_.push_back(true);
  return static_cast<int>(loops_.buffers.size()) - 1;
}

void LoopBuilder::will_write(int buffer) { written_[static_cast<size_t>(buffer)] = true; }

int LoopBuilder::depth_of_operands(Inst const& i) const {
  int d = 0;
  for (auto a : i.args)
    if (a != no_ref) d = std::max(d, depths_[a]);
  return d;
}

Ref LoopBuilder::make(Inst i, int depth, bool in_list) {
  auto r = static_cast<Ref>(loops_.insts.size());
  loops_.insts.push_back(i);
  depths_.push_back(depth);
  if (in_list) scopes_[static_cast<size_t>(depth)].list.push_back(r);
  return r;
}

Ref LoopBuilder::here(Inst i) { return make(i, depth(), true); }

Ref LoopBuilder::pure(Inst i) {
  int d = depth_of_operands(i);
  auto& table = scopes_[static_cast<size_t>(d)].made;
  auto found = table.find(Key{i});
  if (found != table.end()) return found->second;
  Ref r = make(i, d, i.act != Act::constant);
  scopes_[static_cast<size_t>(d)].made.emplace(Key{i}, r);
  return r;
}

Ref LoopBuilder::constant(DType dtype, Scalar s, int lanes) {
  if (is_float(dtype)) s.i = 0;
  else s.f = 0;
  return pure({.act = Act::constant, .type = {dtype, lanes}, .scalar = s});
}

Ref LoopBuilder::number(f64 value, Lanes t) {
  return constant(
      t.dtype, is_float(t.dtype) ? Scalar{.f = value, .i = 0} : Scalar{.f = 0, .i = static_cast<i64>(value)}, t.lanes);
}

std::optional<i64> LoopBuilder::known(Ref r) const {
  auto const& i = loops_.insts[r];
  if (i.act != Act::constant || is_float(i.type.dtype)) return {};
  return i.scalar.i;
}

Ref LoopBuilder::cell(i64 number, DType dtype) {
  for (auto const& i : loops_.insts) // a cell that this kernel has set is read as what it was set to
    if (i.act == Act::set_cell && i.number == number) return i.args[0];
  return pure({.act = Act::cell, .type = {dtype, 1}, .number = number});
}

void LoopBuilder::set_cell(i64 number, Ref value) {
  here({.act = Act::set_cell, .type = type(value), .args = {value, no_ref, no_ref, no_ref}, .number = number});
}

Ref LoopBuilder::splat(Ref r, int lanes) {
  if (type(r).lanes == lanes) return r;
  if (type(r).lanes != 1) throw CompilerBug("splat of a vector");
  auto const& i = loops_.insts[r];
  if (i.act == Act::constant) return constant(i.type.dtype, i.scalar, lanes);
  return pure({.act = Act::splat, .type = {type(r).dtype, lanes}, .args = {r, no_ref, no_ref, no_ref}});
}

Ref LoopBuilder::compute(OpCode op, std::span<Ref const> operands, DType result) {
  int lanes = 1;
  for (auto o : operands) lanes = std::max(lanes, type(o).lanes);
  Inst i{.act = Act::compute, .op = op, .type = {result, lanes}};
  for (size_t k = 0; k < operands.size(); ++k) i.args[k] = splat(operands[k], lanes);
  return pure(i);
}

Ref LoopBuilder::compute(OpCode op, std::initializer_list<Ref> operands) {
  auto list = std::span(operands.begin(), operands.size());
  DType d = info(op).has(compares) ? DType::bool_ : type(op == OpCode::select ? list[1] : list[0]).dtype;
  return compute(op, list, d);
}

Ref LoopBuilder::convert(Ref r, DType d) {
  if (type(r).dtype == d) return r;
  if (auto k = known(r); k && is_int(d) && is_int(type(r).dtype) && bytes(d) >= 4)
    return constant(d, {.f = 0, .i = d == DType::i32 ? i64{static_cast<i32>(*k)} : *k}, type(r).lanes);
  Ref list[] = {r};
  return compute(OpCode::convert, list, d);
}

Ref LoopBuilder::select(Ref condition, Ref yes, Ref no) { return compute(OpCode::select, {condition, yes, no}); }

Ref LoopBuilder::both(Ref condition, Ref other) {
  if (condition == no_ref || other == no_ref) return condition == no_ref ? other : condition;
  return compute(OpCode::and_, {condition, other});
}

Ref LoopBuilder::fma(Ref a, Ref b, Ref c) {
  int lanes = std::max({type(a).lanes, type(b).lanes, type(c).lanes});
  return pure({.act = Act::fma,
               .type = {type(c).dtype, lanes},
               .args = {splat(a, lanes), splat(b, lanes), splat(c, lanes), no_ref}});
}

Ref LoopBuilder::lane_numbers(int lanes) { return pure({.act = Act::lane_numbers, .type = {DType::i32, lanes}}); }

Ref LoopBuilder::extract(Ref vector, Ref lane) {
  return pure({.act = Act::extract, .type = {type(vector).dtype, 1}, .args = {vector, lane, no_ref, no_ref}});
}

Ref LoopBuilder::insert(Ref vector, Ref value, Ref lane) {
  return pure({.act = Act::insert, .type = type(vector), .args = {vector, value, lane, no_ref}});
}

Ref LoopBuilder::load(int buffer, DType dtype, int lanes, Ref index, Ref limit) {
  if (limit != no_ref)
    if (auto k = known(limit); k && *k >= lanes) limit = no_ref;
  return loaded({.act = Act::load, .type = {dtype, lanes}, .args = {index, limit, no_ref, no_ref}, .number = buffer});
}

Ref LoopBuilder::load_each(int buffer, DType dtype, Ref base, Ref offsets) {
  return loaded({.act = Act::load_each,
                 .type = {dtype, type(offsets).lanes},
                 .args = {base, offsets, no_ref, no_ref},
                 .number = buffer});
}

void LoopBuilder::store(int buffer, Ref index, Ref value, Ref limit) {
  if (limit != no_ref)
    if (auto k = known(limit); k && *k >= type(value).lanes) limit = no_ref;
  if (!written_[static_cast<size_t>(buffer)]) throw CompilerBug("store to a buffer that was not announced");
  here({.act = Act::store, .type = type(value), .args = {index, value, limit, no_ref}, .number = buffer});
}

Ref LoopBuilder::tree(OpCode op, Ref v) {
  return pure({.act = Act::tree, .op = op, .type = {type(v).dtype, 1}, .args = {v, no_ref, no_ref, no_ref}});
}

void LoopBuilder::prefetch(int buffer, DType dtype, Ref index, bool written) {
  here({.act = Act::prefetch,
        .type = {dtype, 1},
        .args = {index, no_ref, no_ref, no_ref},
        .number = buffer,
        .scalar = {.f = 0, .i = written}});
}

void LoopBuilder::pack_transposed(Transposition t, Ref source, Ref rows, Ref target, Ref depth) {
  here({.act = Act::transpose,
        .args = {source, rows, target, depth},
        .number = static_cast<i64>(loops_.transpositions.size())});
  loops_.transpositions.push_back(t);
}

void LoopBuilder::count(Counter c, Ref condition) {
  // Once for every evaluation of the condition, wherever that stands; but never outside of a loop that may not run.
  Inst i{.act = Act::count,
         .type = type(condition),
         .args = {condition, no_ref, no_ref, no_ref},
         .number = static_cast<i64>(c)};
  int least = depth_of_operands(i), d = depth();
  while (d > least && scopes_[static_cast<size_t>(d)].runs) --d;
  auto& made = scopes_[static_cast<size_t>(d)].made;
  if (!made.contains(Key{i})) made.emplace(Key{i}, make(i, d, true));
}

Ref LoopBuilder::philox(Ref base, Ref offsets, Ref seed, Ref step, u32 path, int lanes) {
  return pure({.act = Act::philox, .type = {DType::i32, lanes}, .args = {base, offsets, seed, step}, .number = path});
}

Ref LoopBuilder::add(Ref a, Ref b) {
  auto x = known(a), y = known(b);
  if (x && y && type(a) == type(b)) return constant(type(a).dtype, {.f = 0, .i = *x + *y}, type(a).lanes);
  if (x && *x == 0 && type(a).lanes <= type(b).lanes) return b;
  if (y && *y == 0 && type(b).lanes <= type(a).lanes) return a;
  return compute(OpCode::add, {a, b});
}

Ref LoopBuilder::subtract(Ref a, Ref b) {
  auto x = known(a), y = known(b);
  if (x && y && type(a) == type(b)) return constant(type(a).dtype, {.f = 0, .i = *x - *y}, type(a).lanes);
  if (y && *y == 0 && type(b).lanes <= type(a).lanes) return a;
  auto const& sum = loops_.insts[a];
  if (sum.act == Act::compute && sum.op == OpCode::add && sum.args[0] == b && known(sum.args[1])) return sum.args[1];
  return compute(OpCode::sub, {a, b});
}

Ref LoopBuilder::multiply(Ref a, i64 by) {
  if (by == 1) return a;
  if (auto x = known(a)) return constant(type(a).dtype, {.f = 0, .i = *x * by}, type(a).lanes);
  if (by == 0) return constant(type(a).dtype, {}, type(a).lanes);
  return compute(OpCode::mul, {a, constant(type(a).dtype, {.f = 0, .i = by}, type(a).lanes)});
}

Ref LoopBuilder::multiply(Ref a, Ref b) {
  if (auto y = known(b); y && type(b).lanes <= type(a).lanes) return multiply(a, *y);
  if (auto x = known(a); x && type(a).lanes <= type(b).lanes) return multiply(b, *x);
  return compute(OpCode::mul, {a, b});
}

Ref LoopBuilder::quotient(Ref a, Ref by) {
  auto x = known(a), y = known(by);
  if (y && *y == 1) return a;
  if (x && y && *y > 0) return constant(type(a).dtype, {.f = 0, .i = *x / *y}, type(a).lanes);
  return pure({.act = Act::quotient, .type = type(a), .args = {a, splat(by, type(a).lanes), no_ref, no_ref}});
}

Ref LoopBuilder::remainder(Ref a, Ref by) {
  auto x = known(a), y = known(by);
  if (y && *y == 1) return constant(type(a).dtype, {}, type(a).lanes);
  if (x && y && *y > 0) return constant(type(a).dtype, {.f = 0, .i = *x % *y}, type(a).lanes);
  return pure({.act = Act::remainder, .type = type(a), .args = {a, splat(by, type(a).lanes), no_ref, no_ref}});
}

Ref LoopBuilder::bit_width(Ref a) {
  if (auto x = known(a))
    return constant(type(a).dtype, {.f = 0, .i = static_cast<i64>(std::bit_width(static_cast<u64>(*x)))});
  return pure({.act = Act::bit_width, .type = type(a), .args = {a, no_ref, no_ref, no_ref}});
}

Ref LoopBuilder::minimum(Ref a, Ref b) {
  auto x = known(a), y = known(b);
  if (x && y && type(a) == type(b)) return *x < *y ? a : b;
  return compute(OpCode::min, {a, b});
}

Ref LoopBuilder::maximum(Ref a, Ref b) {
  auto x = known(a), y = known(b);
  if (x && y && type(a) == type(b)) return *x > *y ? a : b;
  return compute(OpCode::max, {a, b});
}

// What is loaded in a loop that may not run may not be there: it goes no further out than that loop.
Ref LoopBuilder::loaded(Inst i) {
  if (written_[static_cast<size_t>(i.number)]) return here(i);
  int const least = depth_of_operands(i);
  for (int d = least; d <= depth(); ++d)
    if (auto const found = scopes_[static_cast<size_t>(d)].made.find(Key{i});
        found != scopes_[static_cast<size_t>(d)].made.end())
      return found->second;
  int d = depth();
  while (d > least && scopes_[static_cast<size_t>(d)].runs) --d;
  Ref r = make(i, d, true);
  scopes_[static_cast<size_t>(d)].made.emplace(Key{i}, r);
  return r;
}

std::optional<LoopBuilder::Range> LoopBuilder::range(Ref r) const {
  if (r == no_ref || type(r) != Lanes{DType::i64, 1}) return {};
  if (auto const k = known(r)) return Range{*k, *k};
  auto const& i = loops_.insts[r];
  if (i.act == Act::index) {
    auto const& loop = loops_.loops[static_cast<size_t>(i.number)];
    auto const begin = range(loop.begin), end = range(loop.end);
    if (!begin || !end || begin->least >= end->most) return {};
    i64 const last = end->most - 1, first = begin->least;
    return Range{first, begin->most == first ? first + (last - first) / loop.step * loop.step : last};
  }
  if (i.act != Act::compute && i.act != Act::quotient && i.act != Act::remainder) return {};
  auto const a = range(i.args[0]), b = range(i.args[1]);
  if (!a || !b) return {};
  bool const divides = b->least == b->most && b->least > 0 && a->least >= 0;
  if (i.act == Act::quotient)
    return divides ? std::optional(Range{a->least / b->least, a->most / b->least}) : std::nullopt;
  if (i.act == Act::remainder) return divides ? std::optional(Range{0, std::min(a->most, b->least - 1)}) : std::nullopt;
  constexpr i64 far = i64{1} << 31; // beyond, nothing is known
  if (std::max({std::abs(a->least), std::abs(a->most), std::abs(b->least), std::abs(b->most)}) > far) return {};
  switch (i.op) {
  case OpCode::add: return Range{a->least + b->least, a->most + b->most};
  case OpCode::sub: return Range{a->least - b->most, a->most - b->least};
  case OpCode::min: return Range{std::min(a->least, b->least), std::min(a->most, b->most)};
  case OpCode::max: return Range{std::max(a->least, b->least), std::max(a->most, b->most)};
  case OpCode::mul: {
    auto const [least, most] =
        std::minmax({a->least * b->least, a->least * b->most, a->most * b->least, a->most * b->most});
    return Range{least, most};
  }
  default: return {};
  }
}

LoopBuilder::Open LoopBuilder::open(Ref begin, Ref end, i64 step, std::vector<Ref> initial, bool sure) {
  auto b = known(begin), e = known(end);
  if (b && e && *b < *e && *e - *b <= step) {
    opened_.push_back({.loop = -1, .initial = initial});
    return {begin, std::move(initial)};
  }
  auto number = static_cast<i64>(loops_.loops.size());
  loops_.loops.push_back({.begin = begin, .end = end, .step = step, .sure = sure || (b && e && *b < *e)});
  opened_.push_back({.loop = number, .initial = {}});
  scopes_.emplace_back();
  scopes_.back().runs = loops_.loops.back().sure;
  Open o;
  o.index = make({.act = Act::index, .type = {DType::i64, 1}, .number = number}, depth(), false);
  for (auto i : initial)
    o.carried.push_back(make({.act = Act::carried, .type = type(i), .number = number}, depth(), false));
  auto& loop = loops_.loops.back();
  loop.index = o.index;
  loop.initial = std::move(initial);
  loop.carried = o.carried;
  return o;
}

std::vector<Ref> LoopBuilder::close(std::vector<Ref> next) {
  auto done = std::move(opened_.back());
  opened_.pop_back();
  if (done.loop < 0) return next;
  auto number = static_cast<size_t>(done.loop);
  for (size_t i = 0; i < next.size(); ++i) next[i] = splat(next[i], type(loops_.loops[number].initial[i]).lanes);
  loops_.loops[number].body = std::move(scopes_.back().list);
  scopes_.pop_back();
  here({.act = Act::loop, .type = {}, .number = done.loop});
  std::vector<Ref> results;
  for (auto n : next)
    results.push_back(make({.act = Act::result, .type = type(n), .number = done.loop}, depth(), false));
  loops_.loops[number].next = std::move(next);
  loops_.loops[number].results = results;
  return results;
}

} // namespace nnc
