// Runs loops on real memory, lane by lane: what they mean, apart from how LLVM makes them fast. Bits agree with
// compiled code when the processor flushes subnormals, as it does there.
#include "codegen/loops/loops.h"
#include "codegen/math/apply.h"
#include "codegen/math/literal.h"
#include "ir/random.h"

#include <bit>
#include <cstring>

#include <fmt/format.h>

namespace nnc {
namespace {

using math::Lane;
using Value = std::vector<Lane>;

class Interpreter {
public:
  Interpreter(Loops const& l, i64* frame) : l_(l), frame_(frame), values_(l.insts.size()) {
    for (auto const& b : l.buffers) {
      own_.emplace_back(static_cast<size_t>(b.bytes));
      buffers_.push_back(b.cell >= 0 ? reinterpret_cast<u8*>(frame[b.cell]) : own_.back().data());
    }
    for (size_t r = 0; r < l.insts.size(); ++r)
      if (auto const& i = l.insts[r]; i.act == Act::constant)
        values_[r].assign(static_cast<size_t>(i.type.lanes), math::lane_of(i.type.dtype, i.scalar));
  }

  void run() { list(l_.body); }

private:
  Value const& at(Ref r) const { return values_[r]; }
  Value const& operand(Inst const& i, size_t k) const { return values_[i.args[k]]; }
  i64 index(Inst const& i, size_t k) const { return operand(i, k)[0].i; }

  void list(std::vector<Ref> const& refs) {
    for (auto r : refs) {
      auto const& i = l_[r];
      if (i.act == Act::loop) loop(l_.loops[static_cast<size_t>(i.number)]);
      else if (writes(i.act)) effect(i);
      else values_[r] = value(i);
    }
  }

  void loop(Loop const& l) {
    std::vector<Value> carried;
    for (auto r : l.initial) carried.push_back(at(r));
    i64 end = at(l.end)[0].i;
    for (i64 k = at(l.begin)[0].i; k < end; k += l.step) {
      values_[l.index] = {Lane(k)};
      for (size_t c = 0; c < carried.size(); ++c) values_[l.carried[c]] = carried[c];
      list(l.body);
      for (size_t c = 0; c < carried.size(); ++c) carried[c] = at(l.next[c]);
    }
    for (size_t c = 0; c < carried.size(); ++c) values_[l.results[c]] = carried[c];
  }

  // ---- memory ------------------------------------------------------------------------------------------------------

  // What is the thread's own has a known size: a kernel that leaves it is refused, compiled it would read or write its
  // neighbours in silence.
  u8* address(i64 buffer, DType d, i64 element) const {
    auto const& b = l_.buffers[static_cast<size_t>(buffer)];
    if (b.cell < 0 && (element < 0 || (element + 1) * bytes(d) > b.bytes))
      throw CompilerBug(
          fmt::format("{}: element {} of \"{}\" is beyond its {} bytes", l_.name, element, b.name, b.bytes));
    return buffers_[static_cast<size_t>(buffer)] + element * bytes(d);
  }

  template <class T>
  static T read(u8 const* from) {
    T x{};
    std::memcpy(&x, from, sizeof(T));
    return x;
  }
  static Lane get(DType d, u8 const* from) {
    switch (d) {
    case DType::f64: return read<f64>(from);
    case DType::f32: return read<f32>(from);
    case DType::f16:
    case DType::bf16: return read<u16>(from);
    case DType::i64: return read<i64>(from);
    case DType::i32: return read<i32>(from);
    case DType::i8: return read<i8>(from);
    case DType::u8: return *from;
    case DType::bool_: return *from != 0;
    }
    throw CompilerBug("a dtype without a place in memory");
  }
  // The lowest bytes are the value, whatever it is.
  static void put(DType d, u8* to, Lane l) { std::memcpy(to, &l, static_cast<size_t>(bytes(d))); }

  static i64 bounded(Value const* limit, i64 lanes) { return limit ? std::min((*limit)[0].i, lanes) : lanes; }
  Value const* optional(Inst const& i, size_t k) const { return i.args[k] == no_ref ? nullptr : &operand(i, k); }

  void effect(Inst const& i) {
    switch (i.act) {
    case Act::set_cell: put(i.type.dtype, reinterpret_cast<u8*>(frame_ + i.number), operand(i, 0)[0]); return;
    case Act::store:
      for (i64 k = 0, n = bounded(optional(i, 2), i.type.lanes); k < n; ++k)
        put(i.type.dtype, address(i.number, i.type.dtype, index(i, 0) + k), operand(i, 1)[static_cast<size_t>(k)]);
      return;
    case Act::count:
      for (auto l : operand(i, 0)) frame_[counter_cells + i.number] += l.i;
      return;
    case Act::transpose: return transpose(i);
    default: return; // a prefetch changes nothing
    }
  }

  void transpose(Inst const& i) {
    auto const& t = l_.transpositions[static_cast<size_t>(i.number)];
    i64 source = index(i, 0), rows = index(i, 1), target = index(i, 2), depth = index(i, 3);
    auto const type = t.element == 8 ? DType::f64 : DType::f32;
    for (i64 k = 0; k < depth; ++k)
      for (i64 lane = 0; lane < t.lanes; ++lane)
        std::memcpy(address(t.target, type, target + k * t.target_stride + lane),
                    address(t.source, type, source + std::min(lane, rows - 1) * t.source_stride + k),
                    static_cast<size_t>(t.element));
  }

  // ---- values ------------------------------------------------------------------------------------------------------

  Value value(Inst const& i) {
    auto lanes = static_cast<size_t>(i.type.lanes);
    DType d = i.type.dtype;
    Value out(lanes);
    switch (i.act) {
    case Act::cell: return {get(d, reinterpret_cast<u8 const*>(frame_ + i.number))};
    case Act::compute: return computed(i);
    case Act::fma:
      for (size_t k = 0; k < lanes; ++k) {
        if (d == DType::f32) out[k].s = std::fma(operand(i, 0)[k].s, operand(i, 1)[k].s, operand(i, 2)[k].s);
        else out[k].d = std::fma(operand(i, 0)[k].d, operand(i, 1)[k].d, operand(i, 2)[k].d);
      }
      return out;
    case Act::quotient:
      for (size_t k = 0; k < lanes; ++k) out[k].i = operand(i, 0)[k].i / operand(i, 1)[k].i;
      return out;
    case Act::remainder:
      for (size_t k = 0; k < lanes; ++k) out[k].i = operand(i, 0)[k].i % operand(i, 1)[k].i;
      return out;
    case Act::bit_width: out[0].i = static_cast<i64>(std::bit_width(static_cast<u64>(index(i, 0)))); return out;
    case Act::splat: return Value(lanes, operand(i, 0)[0]);
    case Act::lane_numbers:
      for (size_t k = 0; k < lanes; ++k) out[k].i = static_cast<i64>(k);
      return out;
    case Act::extract: return {operand(i, 0)[static_cast<size_t>(index(i, 1))]};
    case Act::insert:
      out = operand(i, 0);
      out[static_cast<size_t>(index(i, 2))] = operand(i, 1)[0];
      return out;
    case Act::load:
      for (i64 k = 0, n = bounded(optional(i, 1), i.type.lanes); k < n; ++k)
        out[static_cast<size_t>(k)] = get(d, address(i.number, d, index(i, 0) + k));
      return out;
    case Act::load_each:
      for (size_t k = 0; k < lanes; ++k) out[k] = get(d, address(i.number, d, index(i, 0) + operand(i, 1)[k].i));
      return out;
    case Act::tree: {
      Value s = operand(i, 0);
      for (size_t w = s.size() / 2; w >= 1; w /= 2)
        for (size_t k = 0; k < w; ++k) s[k] = math::apply<math::Plain>(plain_, i.op, d, d, std::array{s[k], s[k + w]});
      return {s[0]};
    }
    case Act::philox: return random(i);
    default: throw CompilerBug("the interpreter does not know an instruction");
    }
  }

  Value computed(Inst const& i) {
    auto n = static_cast<size_t>(operand_count(i));
    DType from = l_[i.args[n - 1]].type.dtype;
    Value out(static_cast<size_t>(i.type.lanes));
    std::array<Lane, 3> operands;
    for (size_t k = 0; k < out.size(); ++k) {
      for (size_t o = 0; o < n; ++o) operands[o] = operand(i, o)[k];
      out[k] = math::apply(plain_, i.op, from, i.type.dtype, std::span<Lane const>(operands.data(), n));
    }
    return out;
  }

  Value random(Inst const& i) const {
    Value out(static_cast<size_t>(i.type.lanes));
    auto seed = static_cast<u64>(index(i, 2)), step = static_cast<u64>(index(i, 3));
    for (size_t k = 0; k < out.size(); ++k) {
      auto e = static_cast<u64>(index(i, 0) + operand(i, 1)[k].i);
      auto c = static_cast<u32>(e / 64 * 16 + e % 16);
      auto words = philox({c, static_cast<u32>(i.number), static_cast<u32>(step), static_cast<u32>(step >> 32)},
                          philox_key(seed));
      out[k].i = static_cast<i32>(words[e / 16 % 4]);
    }
    return out;
  }

  Loops const& l_;
  math::Plain plain_;
  i64* frame_;
  std::vector<Value> values_;
  std::vector<std::vector<u8>> own_;
  std::vector<u8*> buffers_;
};

} // namespace

void interpret(Loops const& l, i64* frame) { Interpreter(l, frame).run(); }

} // namespace nnc
