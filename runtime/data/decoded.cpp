#include "runtime/data/decoded.h"

#include "ir/diagnostic.h"
#include "runtime/bytes.h"
#include "runtime/files.h"
#include "runtime/sha256.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace nnc {
namespace {

namespace fs = std::filesystem;

constexpr char const* order_key = "columns"; // their names, a line each: the format sorts tensors by width
constexpr auto kept_for = std::chrono::hours(24 * 30);

std::optional<fs::path> folder_of_decoded() {
  auto const cache = cache_folder();
  return cache ? std::optional(*cache / "decoded") : std::nullopt;
}

// Nothing for sources that cannot be looked at: reading them says why.
std::optional<fs::path> place_of(std::vector<fs::path> const& sources, std::string const& how) {
  auto const folder = folder_of_decoded();
  std::string key = how;
  std::error_code error;
  for (auto const& source : sources) {
    auto const whole = fs::canonical(source, error);
    auto const size = error ? 0 : fs::file_size(source, error);
    auto const time = error ? fs::file_time_type{} : fs::last_write_time(source, error);
    if (error) return std::nullopt;
    key += fmt::format("\n{}\n{}\n{}", whole.string(), size, time.time_since_epoch().count());
  }
  if (!folder) return std::nullopt;
  return *folder / (sha256(as_bytes(key)).substr(0, 32) + ".safetensors");
}

// What nobody has used for a month goes.
void remove_old(fs::path const& folder) {
  std::error_code error;
  auto const now = fs::file_time_type::clock::now();
  std::vector<fs::path> old;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    auto const time = at->last_write_time(error);
    if (!error && at->path().extension() == ".safetensors" && now - time > kept_for) old.push_back(at->path());
  }
  for (auto const& path : old) fs::remove(path, error);
}

// A tensor that has a size and no bytes: for the header alone.
HostTensor planned(ColumnPlan const& plan) {
  u8 const* const nowhere = nullptr;
  auto const size = size_or_error(plan.dtype, plan.shape, plan.name);
  return HostTensor::view(plan.dtype, plan.shape, {nowhere, static_cast<size_t>(size)}, {});
}

std::shared_ptr<MappedDraft> draft_in(fs::path const& place, u64 size) {
  std::error_code error;
  fs::create_directories(place.parent_path(), error);
  try {
    return MappedDraft::make(place, size);
  } catch (Error const&) {
    return nullptr; // then memory has to do
  }
}

} // namespace

struct Decoded::File {
  std::shared_ptr<MappedDraft> draft;
};

Decoded::Decoded(std::vector<fs::path> const& sources, std::string const& how) : place_(place_of(sources, how)) {}
Decoded::~Decoded() = default;

std::optional<Safetensors> Decoded::find() const {
  std::error_code error;
  if (!place_ || !fs::exists(*place_, error)) return std::nullopt;
  try {
    auto found = read_safetensors(*place_);
    Safetensors ordered;
    std::string name;
    for (char c : found.metadata[order_key]) {
      if (c != '\n') {
        name += c;
        continue;
      }
      auto const* tensor = found.find(name);
      if (!tensor) return std::nullopt;
      ordered.tensors.push_back({std::exchange(name, {}), *tensor});
    }
    found.metadata.erase(order_key);
    ordered.metadata = std::move(found.metadata);
    fs::last_write_time(*place_, fs::file_time_type::clock::now(), error);
    return ordered;
  } catch (Error const&) {
    return std::nullopt;
  }
}

std::vector<NamedTensor> Decoded::make(std::vector<ColumnPlan> const& plans,
                                       std::map<std::string, std::string> metadata) {
  Safetensors content{.tensors = {}, .metadata = std::move(metadata)};
  u64 size = 0;
  for (auto const& plan : plans) {
    content.tensors.push_back({plan.name, planned(plan)});
    content.metadata[order_key] += plan.name + '\n';
    size += content.tensors.back().tensor.bytes().size();
  }
  std::vector<NamedTensor> columns;
  file_.reset();
  if (size > small && place_) {
    auto const pieces = safetensors_pieces(content, place_->string());
    if (auto draft = draft_in(*place_, pieces.header.size() + size)) {
      remove_old(place_->parent_path());
      std::ranges::copy(pieces.header, draft->bytes().begin());
      // Its own reader knows where each tensor lies.
      auto const laid_out = parse_safetensors(draft->bytes(), place_->string(), draft);
      for (auto const& plan : plans) {
        auto const bytes = laid_out.find(plan.name)->bytes();
        auto const offset = static_cast<size_t>(bytes.data() - draft->bytes().data());
        columns.push_back(
            {plan.name, HostTensor::over(plan.dtype, plan.shape, draft->bytes().subspan(offset, bytes.size()), draft)});
      }
      file_ = std::make_unique<File>(File{std::move(draft)});
      return columns;
    }
  }
  for (auto const& plan : plans) columns.push_back({plan.name, room_for(plan.dtype, plan.shape)});
  return columns;
}

void Decoded::keep() {
  if (file_) file_->draft->keep();
}

HostTensor room_for(DType dtype, std::vector<i64> shape) {
  auto const size = size_or_error(dtype, shape, "a column");
  if (auto const folder = folder_of_decoded(); folder && size > Decoded::small)
    if (auto draft = draft_in(*folder / "column", size)) return HostTensor::over(dtype, std::move(shape), draft->bytes(), draft);
  return HostTensor(dtype, std::move(shape));
}

} // namespace nnc
