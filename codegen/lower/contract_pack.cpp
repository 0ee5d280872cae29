// Packing: where the prologues of both operands are computed, a vector at a time.
//
//     rhs along n        for k { for j in panel { panel[k][j*W ..] = rhs(k, n + j*W ..) } }
//     rhs along k        W rows of rhs become W columns by transposes in registers; a virtual one is computed into rows
//                        in the scratch first:  rows[i][k ..] = rhs(k .., n + i)
//     lhs along k        rows[m][k ..] = lhs(m, k ..)
//     lhs along m        tiles[m / MR][k][m % MR ..] = lhs(m .., k)
//     lhs by windows     box[i0][i1].. = image(i0, i1 ..), 0 in its border (ir/contraction.h)
//
// Lanes of a panel beyond N hold anything: they never meet other lanes, and the epilogue leaves them alone. Vectors are
// stored whole; what the last one writes too much is overwritten by the next row or stands in the slack of the buffer.
#include "codegen/lower/contract_nest.h"

namespace nnc {

void ContractNest::pack_rhs() {
  auto const& rhs = spec_.rhs;
  if (rhs.plain && columns_stride() == 1) pack_rhs_in_order();
  else if (rhs.plain) pack_rhs_transposed();
  else if (rhs.along_inner) pack_rhs_through();
  else pack_rhs_through_rows();
}

// Plain rows: all vectors of the panel at each k, so that each cache line is read once.
void ContractNest::pack_rhs_in_order() {
  auto const& plain = *spec_.rhs.plain;
  for_width([&](i64 width) {
    Ref start = b.add(start_of(plain), at_.column);
    Ref last = no_ref; // columns in the panel's last vector
    if (partial()) last = b.subtract(add(spec_.columns.value, -(width - 1) * lanes()), at_.column);
    every(b.integer(0), depth_of_chunk(), 1, [&](Ref k) {
      Ref source = b.add(start, at(plain.outer, b.add(at_.depth.from, k)));
      Ref target = b.add(at_.panel, b.multiply(k, width * lanes()));
      for (i64 j = 0; j < width; ++j)
        b.store(panel_buffer_, add(target, j * lanes()),
                load(plain.buffer, add(source, j * lanes()), j + 1 == width ? last : no_ref));
    });
  });
}

void ContractNest::pack_rhs_through() {
  Ref stride = b.multiply(at_.vectors, lanes());
  every(b.integer(0), depth_of_chunk(), 1, [&](Ref k) {
    Ref row = b.multiply(k, stride);
    every(b.integer(0), stride, lanes(), [&](Ref j) {
      Ref n = b.add(at_.column, j);
      Ref limit = partial() ? b.minimum(b.integer(lanes()), b.subtract(spec_.columns.value, n)) : no_ref;
      Ref v = loaded(limit, [&] { return spec_.rhs.load(at_.batch, b.add(at_.depth.from, k), n); });
      b.store(panel_buffer_, b.add(at_.panel, b.add(row, j)), v);
    });
  });
}

// Runs along the sum, one behind the other.
void ContractNest::pack_rhs_transposed() {
  auto const& plain = *spec_.rhs.plain;
  Ref depth = depth_of_chunk();
  bool const several = plain.outer.size() > 1;
  Ref run = several ? b.integer(*plain.outer.back().extent.constant()) : depth;
  for_width([&](i64 width) {
    every(b.integer(0), several ? b.quotient(depth, run) : b.integer(1), 1, [&](Ref number) {
      Ref from = b.multiply(number, run);
      Ref start = b.add(start_of(plain), at(plain.outer, b.add(at_.depth.from, from)));
      Ref target = b.add(at_.panel, b.multiply(from, width * lanes()));
      for (i64 j = 0; j < width; ++j) {
        Ref n = add(at_.column, j * lanes());
        b.pack_transposed({.source = plain.buffer,
                           .target = panel_buffer_,
                           .lanes = spec_.lanes,
                           .element = bytes(dtype()),
                           .source_stride = columns_stride(),
                           .target_stride = width * lanes()},
                          b.add(start, b.multiply(n, columns_stride())), b.subtract(spec_.columns.value, n),
                          add(target, j * lanes()), run);
      }
    });
  });
}

void ContractNest::pack_rhs_through_rows() {
  i64 stride = schedule_.rhs_stride;
  Ref depth = depth_of_chunk();
  Ref columns = b.minimum(b.multiply(at_.vectors, lanes()), b.subtract(spec_.columns.value, at_.column));
  every(b.integer(0), columns, 1, [&](Ref i) {
    every(b.integer(0), depth, lanes(), [&](Ref k) {
      bool whole = b.known(depth) && *b.known(depth) % lanes() == 0;
      Ref limit = whole ? no_ref : b.minimum(b.integer(lanes()), b.subtract(depth, k));
      Ref v = loaded(limit, [&] { return spec_.rhs.load(at_.batch, b.add(at_.depth.from, k), b.add(at_.column, i)); });
      b.store(row_buffer_, b.add(b.multiply(i, stride), k), v);
    });
  });
  for_width([&](i64 width) {
    for (i64 j = 0; j < width; ++j)
      b.pack_transposed({.source = row_buffer_,
                         .target = panel_buffer_,
                         .lanes = spec_.lanes,
                         .element = bytes(dtype()),
                         .source_stride = stride,
                         .target_stride = width * lanes()},
                        b.integer(j * lanes() * stride), b.subtract(columns, b.integer(j * lanes())),
                        add(at_.panel, j * lanes()), depth);
  });
}

// Behind one another, each at its first column times all of k.
void ContractNest::pack_all_panels() {
  at_.batch = b.integer(0);
  at_.depth = {b.integer(0), spec_.depth.value};
  panels({b.integer(0), vector_count()}, [&] {
    at_.panel = b.multiply(at_.column, spec_.depth.value);
    pack_rhs();
  });
}

void ContractNest::pack_lhs(Range depth) {
  if (by_windows()) pack_windows(depth);
  else if (spec_.lhs.along_inner) pack_lhs_rows(depth);
  else pack_lhs_columns(depth);
}

// The boxes of the images of this chunk of the sum; one where it goes over one image.
void ContractNest::pack_windows(Range depth) {
  auto const& box = *spec_.what.box;
  Ref steps = b.integer(std::max<i64>(box.steps, 1));
  Ref first = box.image ? b.quotient(depth.from, steps) : b.integer(0);
  Ref images = box.image ? b.quotient(b.subtract(depth.to, depth.from), steps) : b.integer(1);
  i64 row = 1; // elements along the last axis that is longer than 1
  size_t last = box.axes.size();
  while (last > 0 && row == 1) row = box.axes[--last].extent;
  if (schedule_.box_rows) row *= box.axes[--last].extent;
  i64 const rows = box.elements / row;
  every(b.integer(0), images, 1, [&](Ref image) {
    every(b.integer(0), b.integer(rows), 1, [&](Ref number) {
      Ref target = b.add(b.multiply(image, box.elements), b.multiply(number, row));
      std::vector<At> places(last);
      for (size_t i = last; i-- > 0;) {
        Ref const extent = b.integer(box.axes[i].extent);
        places[i] = {add(i > 0 ? b.remainder(number, extent) : number, box.axes[i].least)};
        number = b.quotient(number, extent);
      }
      pack_windows_row(b.add(first, image), std::move(places), target);
    });
  });
}

// Along the last axis, or the last two: what lies in front of the image, in it, and behind it. Where elements of the
// image stand apart, each lane has to be looked at.
void ContractNest::pack_windows_row(Ref image, std::vector<At> places, Ref target) {
  auto const& box = *spec_.what.box;
  auto axis = box.axes[places.size()];
  if (schedule_.box_rows) {
    i64 const channels = box.axes[places.size() + 1].extent;
    axis.least *= channels, axis.extent *= channels;
    axis.inside = {axis.inside->first * channels, axis.inside->second * channels};
  }
  auto const& inside = axis.inside;
  auto vectors = [&](i64 from, i64 to, bool sure) {
    if (from >= to) return;
    each(b.integer(from), b.integer(to), lanes(), [&](Ref i) {
      bool const whole = (to - from) % lanes() == 0;
      Ref limit = whole ? no_ref : b.minimum(b.integer(lanes()), b.subtract(b.integer(to), i));
      auto at = places;
      at.push_back({add(i, axis.least), 1});
      Ref v = loaded(limit, [&] { return spec_.window(at_.batch, image, at, sure); });
      b.store(lhs_buffer_, b.add(target, i), v);
    });
  };
  auto zeros = [&](i64 from, i64 to) {
    if (from >= to) return;
    Ref zero = b.number(0, {dtype(), spec_.lanes});
    each(b.integer(from), b.integer(to), lanes(), [&](Ref i) { b.store(lhs_buffer_, b.add(target, i), zero); });
  };
  if (!inside) return vectors(0, axis.extent, false);
  zeros(0, inside->first);
  vectors(inside->first, inside->second, true);
  zeros(inside->second, axis.extent);
}

void ContractNest::pack_lhs_rows(Range depth) {
  Ref count = b.subtract(depth.to, depth.from);
  Ref whole = b.multiply(b.quotient(count, b.integer(lanes())), lanes());
  each(at_.rows.from, at_.rows.to, 1, [&](Ref m) {
    Ref row = b.multiply(b.subtract(m, at_.rows.from), schedule_.lhs_stride);
    auto vector_at = [&](Ref k, Ref limit) {
      Ref v = loaded(limit, [&] { return spec_.lhs.load(at_.batch, m, b.add(depth.from, k)); });
      b.store(lhs_buffer_, b.add(row, k), v);
    };
    auto rest = b.known(b.subtract(count, whole));
    if (!b.known(whole) || *b.known(whole) > 0)
      each(b.integer(0), whole, lanes(), [&](Ref k) { vector_at(k, no_ref); });
    if (!rest) each(whole, count, lanes(), [&](Ref k) { vector_at(k, b.subtract(count, whole)); });
    else if (*rest > 0) vector_at(whole, b.integer(*rest));
  });
}

// A vector of W rows is cut into pieces of at most MR, one for each tile that it meets, by way of memory, where a piece
// is a vector of its own.
void ContractNest::pack_lhs_columns(Range depth) {
  i64 tile = schedule_.tile_rows, span = packed_depth(spec_.what, schedule_);
  int piece = static_cast<int>(std::min(lanes(), tile)),
      pieces = b.stack_buffer("pieces", 2 * bytes(dtype()) * lanes());
  each(at_.rows.from, at_.rows.to, lanes(), [&](Ref m) {
    Ref inside = b.subtract(m, at_.rows.from);
    // Row m of the chunk stands at [m / MR][k][m % MR]; vectors may be wider or narrower than a tile.
    Ref start =
        b.add(b.multiply(b.quotient(inside, b.integer(tile)), tile * span), b.remainder(inside, b.integer(tile)));
    Ref limit = b.minimum(b.integer(lanes()), b.subtract(at_.rows.to, m));
    each(b.integer(0), b.subtract(depth.to, depth.from), 1, [&](Ref k) {
      Ref v = loaded(limit, [&] { return spec_.lhs.load(at_.batch, m, b.add(depth.from, k)); });
      if (piece < spec_.lanes) b.store(pieces, b.integer(0), v);
      for (i64 i = 0; i < lanes(); i += piece) {
        Ref part = piece < spec_.lanes ? b.load(pieces, dtype(), piece, b.integer(i)) : v;
        b.store(lhs_buffer_, b.add(start, add(b.multiply(k, tile), i / tile * tile * span)), part);
      }
    });
  });
}

} // namespace nnc
