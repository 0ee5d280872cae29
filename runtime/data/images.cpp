// Pictures as examples: a file, or folders of them by class.
#include "ir/diagnostic.h"
#include "runtime/data/decoded.h"
#include "runtime/data/media.h"
#include "runtime/data/picture.h"
#include "runtime/files.h"

#include <fmt/core.h>

#include <algorithm>

namespace nnc {
namespace {

namespace fs = std::filesystem;

constexpr char const* how_decoded = "pictures 1"; // another number where the decoding gives other bytes

// What the pictures are brought to; 0: what all of them are.
struct Form {
  i64 height = 0, width = 0, channels = 0;
  bool of_training = false; // the size was not asked for now, but is the one of the training
};

Form asked_of(ReadOptions& options) {
  Form form;
  if (auto const size = options.size("size", largest_picture_extent)) {
    form.height = (*size)[0];
    form.width = (*size)[1];
    if (form.height * form.width > largest_picture)
      throw Error(fmt::format("size={}x{}: expected at most {} pixels", form.height, form.width, largest_picture));
  }
  bool const gray = options.flag("gray"), rgb = options.flag("rgb");
  if (gray && rgb) throw Error("gray and rgb: expected one of the two");
  if (gray || rgb) form.channels = gray ? 1 : 3;
  return form;
}

// What is asked for now, and else what the pictures of the training were brought to.
Form form_of(Reading const& reading, std::string const& column) {
  auto form = asked_of(reading.options);
  auto const known = reading.known.find(column);
  if (known == reading.known.end()) return form;
  ReadOptions before(known->second.options);
  auto const then = asked_of(before);
  if (form.height == 0) {
    form.height = then.height;
    form.width = then.width;
    form.of_training = true;
  }
  if (form.channels == 0) form.channels = then.channels;
  return form;
}

char const* colour_of(i64 channels) { return channels == 1 ? "gray" : "RGB"; }

void complete_form(Form& form, PictureHeader const& picture, fs::path const& path, PictureHeader const& first,
                   fs::path const& first_path) {
  if (form.height == 0 && (picture.height != first.height || picture.width != first.width))
    throw Error(Diagnostic{.message = fmt::format("{} is {}x{}, and {} is {}x{}: the pictures of a data set must have one size",
                                                  path.string(), picture.height, picture.width, first_path.string(),
                                                  first.height, first.width),
                           .help = fmt::format("size={}x{} brings all of them to that one", first.height, first.width)});
  if (form.channels == 0 && picture.channels != first.channels)
    throw Error(Diagnostic{.message = fmt::format("{} is {}, and {} is {}", path.string(), colour_of(picture.channels),
                                                  first_path.string(), colour_of(first.channels)),
                           .help = "gray or rgb behind a comma brings all of them to that"});
}

// Two passes: the headers tell what the column takes before there is one.
HostTensor read_pictures(std::vector<fs::path> const& files, Form form, std::string const& column,
                         std::vector<std::string>& notes) {
  auto const key = fmt::format("{} {}x{} {}", how_decoded, form.height, form.width, form.channels);
  Decoded decoded(files, key);
  std::string const changed_key = "of another size";
  auto const say_changed = [&](std::string const& changed) {
    if (form.of_training && !changed.empty() && files.size() > 1)
      notes.push_back(fmt::format("{} of {} pictures are brought to {}x{}, the size of the training's", changed,
                                  files.size(), form.height, form.width));
  };
  if (auto const found = decoded.find(); found && found->tensors.size() == 1) {
    auto const changed = found->metadata.find(changed_key);
    say_changed(changed == found->metadata.end() ? "" : changed->second);
    return found->tensors[0].tensor;
  }

  PictureHeader first;
  size_t changed = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    auto const header = picture_header(MappedFile::open(files[i])->bytes(), files[i].string());
    if (i == 0) first = header;
    complete_form(form, header, files[i], first, files[0]);
    changed += form.height > 0 && (header.height != form.height || header.width != form.width);
  }
  if (form.height == 0) form = {first.height, first.width, form.channels, false};
  if (form.channels == 0) form.channels = first.channels;

  std::vector<i64> shape{std::ssize(files), form.height, form.width};
  if (form.channels == 3) shape.push_back(3);
  std::map<std::string, std::string> metadata;
  if (changed > 0) metadata[changed_key] = std::to_string(changed);
  auto columns = decoded.make({{column, DType::u8, shape}}, metadata);
  auto bytes = columns[0].tensor.writable();
  auto const size = static_cast<size_t>(form.height * form.width * form.channels);
  for (size_t i = 0; i < files.size(); ++i) {
    auto picture = decode_picture(MappedFile::open(files[i])->bytes(), files[i].string());
    to_channels(picture, form.channels);
    resize(picture, form.height, form.width);
    if (picture.pixels.size() != size) throw Error(fmt::format("{}: has changed while it was read", files[i].string()));
    std::ranges::copy(picture.pixels, bytes.begin() + static_cast<std::ptrdiff_t>(i * size));
  }
  decoded.keep();
  say_changed(changed > 0 ? std::to_string(changed) : "");
  return columns[0].tensor;
}

Dataset set_of(MediaFiles files, Reading const& reading) {
  auto const column = files.column;
  Dataset set;
  auto tensor = read_pictures(files.paths, form_of(reading, column), column, set.notes);
  auto const& shape = tensor.shape();
  set.encodings[column].options = {{"size", fmt::format("{}x{}", shape[1], shape[2])},
                                   {shape.size() == 4 ? "rgb" : "gray", "yes"}};
  set.train.columns.push_back({column, std::move(tensor)});
  add_labels(set, std::move(files));
  return set;
}

} // namespace

Dataset read_image(Reading const& reading) { return set_of(one_file(reading, "image"), reading); }
Dataset read_image_folder(Reading const& reading) {
  return set_of(files_of_folder(reading, "image", endings_read_by(read_image)), reading);
}

} // namespace nnc
