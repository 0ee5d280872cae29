// Data sets of the C API.
#include "runtime/c/structs.h"
#include "runtime/c/values.h"

#include <fmt/ranges.h>

namespace nnc::c {
namespace {

// Calls the host's `release` when nothing needs its memory any more. The host keeps the memory until `taken`.
struct Owner {
  void (*release)(void*);
  void* user;
  bool taken = false;
  Owner(void (*release)(void*), void* user) : release(release), user(user) {}
  Owner(Owner const&) = delete;
  Owner& operator=(Owner const&) = delete;
  ~Owner() {
    if (taken && release) release(user);
  }
};
using Owners = std::vector<std::shared_ptr<Owner>>;

constexpr std::int64_t most_extents = 64; // a rank that was never set is hardly less

std::vector<std::int64_t> shape_of(std::int64_t const* shape, std::int64_t rank) {
  expect_count(rank, shape, "extents of a shape");
  if (rank > most_extents) refuse("a shape of " + std::to_string(rank) + " extents");
  return {shape, shape + rank};
}

std::vector<Column> columns_of(nnc_column const* first, std::int64_t count, char const* what, Owners& owners) {
  std::vector<Column> columns;
  for (auto const& given : sized_elements(first, count, what)) {
    owners.push_back(std::make_shared<Owner>(given.release, given.user));
    columns.push_back({text_of(given.name, "a column's name"), text_of(given.dtype, "a column's dtype"),
                       shape_of(given.shape, given.rank), given.data, owners.back()});
  }
  return columns;
}

std::vector<Field> fields_of(nnc_field const* first, std::int64_t count) {
  std::vector<Field> fields;
  for (auto const& given : sized_elements(first, count, "fields"))
    fields.push_back({text_of(given.name, "a field's name"), text_of(given.dtype, "a field's dtype"),
                      shape_of(given.shape, given.rank)});
  return fields;
}

// Fills the buffers of the library by the function of the host.
NextBatch next_of(nnc_stream const& stream, std::shared_ptr<Owner> owner) {
  return [next = stream.next, owner = std::move(owner)](std::int64_t epoch, std::int64_t batch,
                                                        View<Buffer const> buffers) {
    std::vector<nnc_buffer> shown;
    for (auto const& buffer : buffers) shown.push_back({buffer.data, buffer.rows, buffer.bytes});
    auto const rows = next(owner->user, epoch, batch, shown.data(), count_of(shown));
    if (rows < 0) throw HostStopped{"the stream's next", rows};
    return rows;
  };
}

nnc_data handle_of(Data data) {
  auto summary = data.summary();
  auto note = fmt::format("{}", fmt::join(data.notes(), "; "));
  auto train = data.train_columns(), test = data.test_columns();
  return {std::move(data), std::move(summary), std::move(note), std::move(train), std::move(test)};
}

void take(Owners const& owners) {
  for (auto const& owner : owners) owner->taken = true;
}

nnc_data_info info_of(nnc_data const& data) {
  auto const& all = data.data;
  return {sizeof(nnc_data_info), all.name().c_str(),   data.summary.c_str(), data.note.c_str(),   all.train_examples(),
          all.test_examples(),   count_of(data.train), count_of(data.test),  count_of(all.files())};
}

std::vector<Column> const& split_of(nnc_data const& data, nnc_part split) {
  if (split != NNC_PART_ALL && split != NNC_PART_TEST) refuse("a split is NNC_PART_ALL or NNC_PART_TEST");
  return split == NNC_PART_TEST ? data.test : data.train;
}

std::vector<std::string> const& built_in_sets() {
  static auto const sets = Data::built_in();
  return sets;
}

} // namespace
} // namespace nnc::c

using namespace nnc::c;

extern "C" {

nnc_status nnc_data_open(char const* words, char const* folder, nnc_data** out) {
  return make_handle(out, [&] { return handle_of(nnc::Data::open(text_of(words, "words"), optional_text(folder))); });
}

nnc_status nnc_data_from_columns(nnc_column const* train, int64_t train_columns, nnc_column const* test,
                                 int64_t test_columns, char const* name, nnc_data** out) {
  Owners owners;
  auto const status = make_handle(out, [&] {
    auto first = columns_of(train, train_columns, "train", owners);
    auto second = columns_of(test, test_columns, "test", owners);
    return handle_of(nnc::Data::from_columns(std::move(first), std::move(second), name ? name : "memory"));
  });
  if (status == NNC_OK) take(owners);
  return status;
}

nnc_status nnc_data_from_batches(nnc_field const* fields, int64_t count, nnc_stream const* stream, nnc_data** out) {
  Owners owners;
  auto const status = make_handle(out, [&] {
    auto const given = sized<nnc_stream>(&required(stream, "stream"), "stream");
    if (!given.next) refuse("stream.next is a null pointer");
    owners.push_back(std::make_shared<Owner>(given.release, given.user));
    nnc::StreamOptions options;
    if (given.name) options.name = given.name;
    options.examples = given.examples;
    options.own_thread = !given.on_calling_thread;
    return handle_of(
        nnc::Data::from_batches(fields_of(fields, count), next_of(given, owners.back()), std::move(options)));
  });
  if (status == NNC_OK) take(owners);
  return status;
}

nnc_status nnc_data_describe(nnc_data const* data, nnc_data_info* out) {
  return guarded([&] { fill(out, info_of(required(data, "data")), "out"); });
}

nnc_status nnc_data_column(nnc_data const* data, nnc_part split, int64_t index, nnc_column* out) {
  return guarded([&] {
    auto const& column = element_of(split_of(required(data, "data"), split), index, "column");
    fill(out,
         nnc_column{sizeof(nnc_column), column.name.c_str(), column.dtype.c_str(), column.shape.data(),
                    count_of(column.shape), column.data, nullptr, nullptr},
         "out");
  });
}

char const* nnc_data_file(nnc_data const* data, int64_t index) {
  auto const* file = data ? element(data->data.files(), index) : nullptr;
  return file ? file->c_str() : nullptr;
}

char const* nnc_data_built_in(int64_t index) {
  char const* found = nullptr;
  (void)guarded([&] {
    if (auto const* name = element(built_in_sets(), index)) found = name->c_str();
  });
  return found;
}

char const* nnc_data_class_name(nnc_data const* data, int64_t index) {
  auto const* name = data ? element(data->data.class_names(), index) : nullptr;
  return name ? name->c_str() : nullptr;
}

nnc_status nnc_data_with_class_names(nnc_data const* data, char const* const* names, int64_t count, nnc_data** out) {
  return make_handle(
      out, [&] { return handle_of(required(data, "data").data.with_class_names(texts_of(names, count, "names"))); });
}

void nnc_data_free(nnc_data* data) { delete data; }

} // extern "C"
