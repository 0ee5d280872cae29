// A kernel of kind "contract": from its one dot to the nest of loops.
//
//     prologue nodes of lhs, rhs   ->  pulled while packing, unless the operand is read where it lies
//     dot                          ->  the nest
//     epilogue nodes               ->  pulled with the dot's value provided from the accumulators
#include "codegen/lower/contract_nest.h"
#include "codegen/lower/lower.h"

#include "ir/op.h"
#include "ir/view.h"

#include <algorithm>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

class ContractLowering {
public:
  ContractLowering(Puller& p, KernelContext const& k)
      : p_(p), b_(p.builder()), k_(k), c_(contraction_of(k.function(), k.kernel, k.storage.numbers)) {}

  void run() {
    fill();
    buffers_ = result_buffers(p_, k_);
    p_.provide(c_.dot->result(), [this](Index const&) { return sums_; });
    if (k_.facts().is_parallel()) {
      spec_.thread = b_.cell(Frame::thread, DType::i64);
      spec_.threads = b_.cell(Frame::threads, DType::i64);
      ContractNest(p_, spec_).emit();
    } else { // all of it is thread 0's
      auto share = share_of(b_, b_.integer(1), k_);
      p_.open(share.begin, share.end);
      ContractNest(p_, spec_).emit();
      p_.close();
    }
    p_.set_padded_rows(false);
  }

private:
  Shape const& shape(ValueId v) const { return k_.function().type(v).shape; }

  Extent exact(Dim const& d) { return {extent(b_, d), d.constant(), unit_of(d)}; }

  // What every value of it is a multiple of, as far as a tile can be.
  static i64 unit_of(Dim const& d) {
    i64 unit = row_padding;
    while (unit > 1 && !is_multiple(d, unit)) unit /= 2;
    return unit;
  }
  static bool is_multiple(Dim const& d, i64 unit) { return d.divided_by(unit).has_value(); }

  // Rows of a symbolic batch are padded to whole tiles where everything that has such rows is in slots, which end with
  // row_padding of them.
  Extent padded_rows(Dim const& d) {
    if (!d.divided_by(Symbol::batch) || !c_.lhs.batch.empty()) return exact(d); // behind the last rows come others
    i64 const tile = spec_.schedule.tile_rows;
    if (unit_of(d) % tile == 0 || row_padding % tile) return exact(d);
    bool slots = true;
    for (auto const& place : k_.places()) slots = slots && place.kind == Place::Kind::slot;
    if (auto v = view_of(k_.function(), k_.kernel, k_.storage.numbers, c_.lhs.value))
      slots = slots && k_.storage.places[v->stored]->kind == Place::Kind::slot;
    if (!slots) return exact(d);
    exact_rows_ = extent(b_, d);
    Ref const tiles = b_.quotient(b_.add(exact_rows_, b_.integer(tile - 1)), b_.integer(tile));
    return {b_.multiply(tiles, tile), std::nullopt, tile};
  }

  void fill() {
    spec_.what = c_;
    spec_.schedule = k_.schedule().contract;
    if (c_.period) spec_.period = exact(*c_.period);
    spec_.batches = exact(c_.batches);
    spec_.rows = padded_rows(c_.rows);
    spec_.depth = exact(c_.depth);
    spec_.columns = exact(c_.columns);
    spec_.lhs = nest_operand(c_.lhs, 0);
    spec_.rhs = nest_operand(c_.rhs, 1);
    spec_.window = [this](Ref batch, Ref image, std::vector<At> const& at, bool sure) {
      return window(batch, image, at, sure);
    };
    spec_.lanes = static_cast<int>(k_.target.lanes(c_.dtype));
    if (spec_.schedule.pack_lhs != ContractSchedule::Pack::none) spec_.lhs.plain.reset();
    spec_.epilogue = [this](Ref batch, Ref row, Ref column, Ref sums) { epilogue(batch, row, column, sums); };
    if (is_guarded(*index_map(k_.function(), *c_.dot, 0)))
      spec_.exact = [this](Ref batch, Ref row, Ref column) {
        return p_.make(c_.dot->result(), result_index({batch}, {row}, {column, 1}));
      };
    else if (needs_no_axes()) spec_.flat_epilogue = [this](Ref element, Ref sums) { flat_epilogue(element, sums); };
    if (spec_.schedule.prefetch && in_order() && c_.columns.is_constant())
      spec_.prefetch = [this](Ref batch, Ref row, Ref column, i64 rows, i64 columns) {
        prefetch(batch, row, column, rows, columns);
      };
  }

  NestOperand nest_operand(ContractOperand const& o, size_t number) {
    NestOperand operand{.plain = {}, .load = {}, .along_inner = o.along_inner};
    if (auto const& p = o.plain)
      operand.plain = OperandInMemory{p_.buffer_of(p->stored), p->batch, p->outer, p->inner, p->offset};
    operand.load = [this, &o, number](Ref batch, Ref i, Ref j) {
      auto at = origin();
      place(at, o.batch, {batch});
      place(at, o.outer, {i, o.along_inner ? 0 : 1});
      place(at, o.inner, {j, o.along_inner ? 1 : 0});
      if (exact_rows_ != no_ref && number == 0) p_.set_padded_rows(true, valid_row(i, o.along_inner));
      auto const read = p_.read_at(*c_.dot, number, index_of(at), c_.space);
      Ref v = or_zero(read.condition, p_.pull(o.value, read.index));
      p_.set_padded_rows(false);
      return v;
    };
    return operand;
  }

  // A point of the space.
  std::vector<At> origin() { return std::vector<At>(c_.space.size(), {b_.integer(0)}); }
  // Splits an index over several axes into one per axis.
  void place(std::vector<At>& at, Axes const& axes, At linear) {
    if (axes.empty()) return;
    auto split = p_.indexer().axes({{static_cast<int>(axes.size()), linear}}, extents_of(c_.space, axes));
    for (size_t i = 0; i < axes.size(); ++i) at[static_cast<size_t>(axes[i])] = split[i];
  }
  Ref or_zero(Ref condition, Ref v) {
    return condition == no_ref ? v : b_.select(condition, v, b_.number(0, {c_.dtype, 1}));
  }

  // Of a box of windows: the axes of lhs that it has not stand where the batch and the image of the sum do.
  Ref window(Ref batch, Ref image, std::vector<At> const& at, bool sure) {
    auto point = origin();
    place(point, c_.lhs.batch, {batch});
    if (c_.box->image) point[static_cast<size_t>(*c_.box->image)] = {image};
    auto read = p_.read_at(*c_.dot, 0, index_of(point), c_.space);
    auto const map = *index_map(k_.function(), *c_.dot, 0);
    Ref condition = no_ref;
    for (size_t j = 0; j < c_.box->axes.size(); ++j) {
      auto const axis = c_.box->axes[j].operand_axis;
      At index = j < at.size() ? at[j] : p_.indexer().constant(c_.box->axes[j].least);
      bool const inside = j + 1 == at.size() && sure;
      if (map.coordinates[axis].guarded && !inside) {
        auto in = p_.inside(index, 0, map.coordinates[axis].divide, shape(c_.lhs.value)[axis]);
        condition = b_.both(condition, in.condition);
        index = in.at;
      }
      read.index[axis].at = index;
    }
    if (spec_.schedule.box_rows) { // the last index is over two axes
      read.index.pop_back();
      read.index.back() = {2, at.back()};
    }
    return or_zero(condition, p_.pull(c_.lhs.value, read.index));
  }

  // Whether rows count, from `row` on: of each lane, if the lanes are rows.
  Ref valid_row(Ref row, bool same_for_all) {
    if (same_for_all) return b_.compute(OpCode::lt, {row, exact_rows_});
    Ref left = b_.convert(b_.subtract(exact_rows_, row), DType::i32);
    return b_.compute(OpCode::lt, {b_.lane_numbers(spec_.lanes), left});
  }

  void epilogue(Ref batch, Ref row, Ref column, Ref sums) {
    if (exact_rows_ != no_ref) p_.set_padded_rows(true, valid_row(row, true));
    store_results(result_index({batch}, {row}, {column, p_.lanes().lanes > 1 ? 1 : 0}), sums);
    p_.set_padded_rows(false);
  }

  // Runs of axes stay one index where the result has them one behind the other.
  Index result_index(At batch, At row, At column) {
    Index at;
    if (!in_order()) {
      auto axes = origin();
      place(axes, c_.lhs.batch, batch);
      place(axes, c_.lhs.outer, row);
      place(axes, c_.rhs.inner, column);
      axes.resize(shape(c_.dot->result()).size());
      return index_of(axes);
    }
    auto chunk = [&](Axes const& axes, At i) {
      if (!axes.empty()) at.push_back({static_cast<int>(axes.size()), i});
    };
    chunk(c_.lhs.batch, batch);
    chunk(c_.lhs.outer, row);
    chunk(c_.rhs.inner, column);
    return at;
  }
  bool in_order() const {
    Axes axes = c_.lhs.batch;
    axes.insert(axes.end(), c_.lhs.outer.begin(), c_.lhs.outer.end());
    return std::is_sorted(axes.begin(), axes.end()); // columns are the last ones
  }

  void flat_epilogue(Ref element, Ref sums) {
    auto axes = static_cast<int>(shape(c_.dot->result()).size());
    store_results({{axes, {element, 1}}}, sums);
  }

  void store_results(Index const& at, Ref sums) {
    sums_ = spec_.exact ? p_.without_sign_of_zero(sums) : sums;
    std::vector<Ref> values;
    for (auto r : k_.kernel.results) values.push_back(p_.pull(r, at));
    At where = p_.indexer().linear(at, shape(c_.dot->result()));
    for (size_t i = 0; i < values.size(); ++i) store_result(p_, k_, buffers_, i, where, values[i], p_.lanes().limit);
  }

  // Is everything behind the dot elementwise, on values of its shape and numbers? Then the result may be walked as one
  // axis.
  bool needs_no_axes() const {
    if (exact_rows_ != no_ref || !c_.lhs.batch.empty()) return false; // rows, then columns
    return std::all_of(k_.kernel.results.begin(), k_.kernel.results.end(), [&](ValueId r) { return needs_no_axes(r); });
  }
  bool needs_no_axes(ValueId v) const {
    if (v == c_.dot->result() || shape(v).empty()) return true;
    if (shape(v) != shape(c_.dot->result())) return false;
    auto const* n = p_.node_of(v);
    if (!n) return true;
    if (!info(n->op).has(Trait::elementwise)) return false;
    return std::all_of(n->operands.begin(), n->operands.end(), [&](ValueId o) { return needs_no_axes(o); });
  }

  // Of what the epilogue of a tile will read and write over.
  void prefetch(Ref batch, Ref row, Ref column, i64 rows, i64 columns) {
    i64 const line = 64 / bytes(c_.dtype); // elements
    i64 const width = *c_.columns.constant();
    Ref first = b_.add(b_.multiply(b_.add(b_.multiply(batch, spec_.rows.value), row), width), column);
    auto loop = p_.open(b_.integer(0), b_.integer(rows));
    Ref start = b_.add(first, b_.multiply(loop.index, width));
    for (size_t r = 0; r < buffers_.size(); ++r)
      for (i64 j = 0; j < std::min(columns, width); j += line)
        if (k_.places()[r].kind == Place::Kind::argument)
          b_.prefetch(buffers_[r], c_.dtype, b_.add(start, b_.integer(j)), true);
    p_.close();
  }

  Puller& p_;
  LoopBuilder& b_;
  KernelContext const& k_;
  Contraction c_;
  ContractSpec spec_;
  std::vector<int> buffers_;
  Ref sums_ = no_ref;
  Ref exact_rows_ = no_ref; // set: rows are padded, and so many count
};

} // namespace

void lower_contract(Puller& p, KernelContext const& k) { ContractLowering(p, k).run(); }

} // namespace nnc
