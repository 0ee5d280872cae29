// Sounds as examples: a file, or folders of them by class.
#include "ir/diagnostic.h"
#include "runtime/data/decoded.h"
#include "runtime/data/media.h"
#include "runtime/data/resample.h"
#include "runtime/data/sound.h"
#include "runtime/files.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace nnc {
namespace {

namespace fs = std::filesystem;

constexpr char const* how_decoded = "sounds 1"; // another number where the decoding gives other numbers

// What the sounds are brought to; 0: the rate that all have, the length of the longest.
struct Form {
  i64 rate = 0;
  f64 seconds = 0;
};

Form asked_of(ReadOptions& options) {
  constexpr f64 shortest = 1.0 / static_cast<f64>(largest_rate), longest = 86'400;
  return {options.whole("rate", 1, largest_rate).value_or(0), options.number("seconds", shortest, longest).value_or(0)};
}

// What is asked for now, and else what the sounds of the training were brought to.
Form form_of(Reading const& reading, std::string const& column) {
  auto form = asked_of(reading.options);
  auto const known = reading.known.find(column);
  if (known == reading.known.end()) return form;
  ReadOptions before(known->second.options);
  auto const then = asked_of(before);
  if (form.rate == 0) form.rate = then.rate;
  if (form.seconds == 0) form.seconds = then.seconds;
  return form;
}

i64 samples_in(f64 seconds, i64 rate) { return std::llround(seconds * static_cast<f64>(rate)); }

struct Plan {
  i64 rate = 0, samples = 0;
};

// Two passes: the headers tell what the columns take before there are any.
Plan plan_of(std::vector<fs::path> const& files, Form const& form) {
  Plan plan{.rate = form.rate};
  for (auto const& file : files) {
    auto const header = sound_header(MappedFile::open(file)->bytes(), file.string());
    if (header.samples == 0) throw Error(fmt::format("{}: has no samples", file.string()));
    if (plan.rate == 0) plan.rate = header.rate;
    if (form.rate == 0 && header.rate != plan.rate)
      throw Error(Diagnostic{.message = fmt::format("{} has {} samples in a second, and {} has {}: the sounds of a data set must "
                                                    "have one rate",
                                                    file.string(), header.rate, files[0].string(), plan.rate),
                             .help = fmt::format("rate={} resamples those that have another one",
                                                 std::min(header.rate, plan.rate))});
    plan.samples = std::max(plan.samples, resampled_length(header.samples, header.rate, plan.rate));
  }
  if (form.seconds > 0) plan.samples = samples_in(form.seconds, plan.rate);
  if (plan.samples < 1 || plan.samples > largest_sound)
    throw Error(fmt::format("a sound of {} seconds has {} samples, expected from 1 to {}", form.seconds, plan.samples,
                            largest_sound));
  return plan;
}

struct Columns {
  HostTensor sound, length;
  i64 rate;
};

// The sound from its beginning, cut, or with zeros behind it.
i32 put_sound(fs::path const& file, i64 rate, std::span<f32> target) {
  auto const sound = decode_sound(MappedFile::open(file)->bytes(), file.string());
  auto const samples = resample(mono(sound), sound.rate, rate);
  auto const count = std::min(samples.size(), target.size());
  std::ranges::copy(std::span(samples).first(count), target.begin());
  return static_cast<i32>(count);
}

Columns read_sounds(std::vector<fs::path> const& files, Form const& form) {
  Decoded decoded(files, fmt::format("{} {} {}", how_decoded, form.rate, form.seconds));
  if (auto const found = decoded.find(); found && found->tensors.size() == 2) {
    auto const rate = found->metadata.find("rate");
    if (rate != found->metadata.end())
      return {found->tensors[0].tensor, found->tensors[1].tensor, std::atoll(rate->second.c_str())};
  }
  auto const plan = plan_of(files, form);
  auto const count = std::ssize(files);
  auto columns = decoded.make({{"sound", DType::f32, {count, plan.samples}}, {"length", DType::i32, {count}}},
                              {{"rate", std::to_string(plan.rate)}});
  auto const values = columns[0].tensor.writable_as<f32>();
  auto const lengths = columns[1].tensor.writable_as<i32>();
  auto const samples = static_cast<size_t>(plan.samples);
  for (size_t i = 0; i < files.size(); ++i)
    lengths[i] = put_sound(files[i], plan.rate, values.subspan(i * samples, samples));
  decoded.keep();
  return {columns[0].tensor, columns[1].tensor, plan.rate};
}

Dataset set_of(MediaFiles files, Reading const& reading) {
  auto const column = files.column;
  auto columns = read_sounds(files.paths, form_of(reading, column));
  f64 const seconds = static_cast<f64>(columns.sound.shape()[1]) / static_cast<f64>(columns.rate);
  Dataset set;
  set.encodings[column].options = {{"rate", std::to_string(columns.rate)}, {"seconds", fmt::format("{}", seconds)}};
  set.train.columns.push_back({column, std::move(columns.sound)});
  set.train.columns.push_back({column + "_length", std::move(columns.length)});
  add_labels(set, std::move(files));
  return set;
}

} // namespace

Dataset read_sound(Reading const& reading) { return set_of(one_file(reading, "sound"), reading); }
Dataset read_sound_folder(Reading const& reading) {
  return set_of(files_of_folder(reading, "sound", endings_read_by(read_sound)), reading);
}

} // namespace nnc
