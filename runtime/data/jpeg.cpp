#include "runtime/data/jpeg.h"

#include "ir/diagnostic.h"

#include <fmt/core.h>

#include <memory>
#include <new>
#include <string_view>
#include <turbojpeg.h>
#include <type_traits>

namespace nnc {
namespace {

// A block of 8x8 takes at least a bit, and the brightness has a block for every 64 pixels: 512 are what Huffman codes
// reach. Arithmetic ones reach more, with pictures of one colour.
constexpr i64 pixels_per_byte = 4096;

class JpegReader {
public:
  JpegReader(std::span<u8 const> file, std::string const& name) : file_(file), name_(name), handle_(tjInitDecompress()) {
    if (!handle_) throw std::bad_alloc();
  }

  PictureHeader header() {
    int width = 0, height = 0, sampling = 0, colors = 0;
    expect(tjDecompressHeader3(handle_.get(), file_.data(), file_.size(), &width, &height, &sampling, &colors));
    if (width == 0 || height == 0) fail("it ends before its picture");
    if (colors == TJCS_CMYK || colors == TJCS_YCCK)
      throw Error(Diagnostic{.message = fmt::format("{}: is a JPEG of four colours (CMYK), expected gray or RGB", name_),
                             .help = "a program for pictures converts it to RGB"});
    PictureHeader const header{height, width, colors == TJCS_GRAY ? 1 : 3};
    check_picture_extents(header, file_.size(), pixels_per_byte, name_);
    return header;
  }

  Picture picture() {
    Picture picture{header(), {}};
    picture.pixels.resize(static_cast<size_t>(picture.height * picture.width * picture.channels));
    // What a damaged file goes on with is a warning to the library; a scan takes time, and 500 are more than any has.
    expect(tjDecompress2(handle_.get(), file_.data(), file_.size(), picture.pixels.data(), static_cast<int>(picture.width), 0,
                         static_cast<int>(picture.height), picture.channels == 1 ? TJPF_GRAY : TJPF_RGB,
                         TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS));
    return picture;
  }

private:
  void expect(int status) {
    if (status == 0) return;
    std::string_view said = tjGetErrorStr2(handle_.get());
    for (std::string_view const prefix : {"tjDecompressHeader3(): ", "tjDecompress2(): "})
      if (said.starts_with(prefix)) said.remove_prefix(prefix.size());
    fail(said);
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw Error(fmt::format("{}: the JPEG is corrupt or truncated ({})", name_, what));
  }

  struct Destroy {
    void operator()(void* handle) const { tjDestroy(handle); }
  };
  std::span<u8 const> file_;
  std::string const& name_;
  std::unique_ptr<std::remove_pointer_t<tjhandle>, Destroy> handle_;
};

} // namespace

PictureHeader jpeg_header(std::span<u8 const> file, std::string const& name) { return JpegReader(file, name).header(); }
Picture decode_jpeg(std::span<u8 const> file, std::string const& name) { return JpegReader(file, name).picture(); }

} // namespace nnc
