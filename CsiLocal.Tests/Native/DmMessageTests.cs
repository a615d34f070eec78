using System.Buffers.Binary;
using System.Text;
using CsiLocal.Native;
using Xunit;

namespace CsiLocal.Tests.Native;

/// <summary>Offsets as offsetof() gives them for linux/dm-ioctl.h (checked with a C program on x86-64).</summary>
public sealed class DmMessageTests
{
    private const int Header = 312;

    [Fact]
    public void Request_names_version_4_0_0_its_size_and_where_data_begins()
    {
        var bytes = new DmMessage(4096, DmMessage.TableFlag | DmMessage.NoFlushFlag, name: "vg-lv").Bytes;

        Assert.Equal(4096, bytes.Length);
        Assert.Equal([4u, 0u, 0u, 4096u, 312u, 0u, 0u, 0x810u, 0u, 0u, 0u, 0u], Words(bytes.AsSpan(0, 48)));
        Assert.Equal("vg-lv", Text(bytes, 48));
        Assert.Equal("", Text(bytes, 176));
    }

    [Fact]
    public void Request_by_uuid_has_no_name()
    {
        var bytes = new DmMessage(Header, 0, uuid: "LVM-abc").Bytes;

        Assert.Equal("", Text(bytes, 48));
        Assert.Equal("LVM-abc", Text(bytes, 176));
    }

    [Theory]
    [InlineData(127, 128)]
    [InlineData(128, 128)]
    [InlineData(127, 129)]
    public void Name_or_uuid_that_does_not_fit_is_refused(int nameBytes, int uuidBytes)
    {
        if (nameBytes < 128 && uuidBytes < 129)
            _ = new DmMessage(Header, 0, new string('n', nameBytes), new string('u', uuidBytes));
        else
            Assert.Throws<ArgumentException>(() => new DmMessage(Header, 0, new string('n', nameBytes), new string('u', uuidBytes)));
    }

    [Theory]
    [InlineData(0x00u, false, false, false, false)]
    [InlineData(0x01u, true, false, false, false)]
    [InlineData(0x02u, false, true, false, false)]
    [InlineData(0x20u, false, false, true, false)]
    [InlineData(0x122u, false, true, true, true)]
    public void Flags_are_read(uint flags, bool readOnly, bool suspended, bool active, bool full)
    {
        var message = Answer(flags);

        Assert.Equal((readOnly, suspended), (message.ToDevice().IsReadOnly, message.ToDevice().IsSuspended));
        Assert.Equal((active, full), (message.Has(DmMessage.ActiveFlag), message.Has(DmMessage.BufferFullFlag)));
    }

    [Theory]
    [InlineData(0xFD03UL, 253u, 3u)]
    [InlineData(0x10FD2BUL, 253u, 0x12Bu)]
    [InlineData(0xFFFFFFFFUL, 0xFFFu, 0xFFFFFu)]
    public void Device_number_is_turned_into_that_of_a_node(ulong encoded, uint major, uint minor)
    {
        // huge_encode_dev (kdev_t.h): (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12).
        Assert.Equal(FileStatus.MakeDevice(major, minor), Answer(0x20, encoded).ToDevice().DeviceNumber);
    }

    [Fact]
    public void Device_has_the_size_of_all_its_targets()
    {
        var device = Answer(0x20, 0xFD03, (0, 2048, "linear", "8:16 2048"), (2048, 4096, "striped", "2 128 8:16 0 8:32 0")).ToDevice();

        Assert.Equal(new DmDevice("vg-lv", "LVM-abc", FileStatus.MakeDevice(253, 3), 6144 * 512, 7, false, false), device);
    }

    [Fact]
    public void Targets_are_found_by_their_distance_from_the_first()
    {
        var targets = Answer(0x20, 0xFD03, (0, 8, "thin-pool", "1 2/3 4/5 - rw"), (8, 16, "error", ""), (24, 1L << 40, "raid", "raid1 2 AA")).ToTargets();

        Assert.Equal(
            [new DmTarget(0, 8, "thin-pool", "1 2/3 4/5 - rw"), new DmTarget(8, 16, "error", ""), new DmTarget(24, 1L << 40, "raid", "raid1 2 AA")],
            targets);
    }

    [Fact]
    public void Target_with_a_type_of_full_length_has_no_terminator()
    {
        Assert.Equal("abcdefghijklmnop", Assert.Single(Answer(0x20, 0xFD03, (0, 8, "abcdefghijklmnop", "x")).ToTargets()).Type);
    }

    [Theory]
    [InlineData(20, 1u, true)]
    [InlineData(20, 2u, true)]
    [InlineData(20, 3u, false)] // more targets than there is room for
    [InlineData(16, 8u, false)] // they begin within the header
    [InlineData(16, 4090u, false)] // they begin at the end
    [InlineData(312 + 20, 0x8000_0000u, false)] // the second is nowhere
    public void Targets_outside_the_answer_are_refused(int at, uint value, bool isSound)
    {
        var whole = Answer(0x20, 0xFD03, (0, 8, "linear", "8:16 0"), (8, 8, "linear", "8:16 8")).Bytes;
        var bytes = whole[..(Header + 2 * 48)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);

        if (isSound)
            Assert.Equal((int)value, new DmMessage(bytes).ToTargets().Count);
        else
            Assert.Throws<FormatException>(() => new DmMessage(bytes).ToTargets());
    }

    private static DmMessage Answer(uint flags, ulong device = 0xFD03, params (long Start, long Length, string Type, string Parameters)[] targets)
    {
        var bytes = new DmMessage(4096, flags, "vg-lv", "LVM-abc").Bytes;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(20), (uint)targets.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(24), 7);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(40), device);
        var at = Header;
        foreach (var (start, length, type, parameters) in targets)
        {
            var spec = bytes.AsSpan(at);
            BinaryPrimitives.WriteInt64LittleEndian(spec, start);
            BinaryPrimitives.WriteInt64LittleEndian(spec[8..], length);
            Encoding.ASCII.GetBytes(type, spec[24..]);
            Encoding.ASCII.GetBytes(parameters, spec[40..]);
            at = (at + 40 + parameters.Length + 1 + 7) / 8 * 8;
            BinaryPrimitives.WriteInt32LittleEndian(spec[20..], at - Header);
        }

        return new DmMessage(bytes);
    }

    private static uint[] Words(ReadOnlySpan<byte> bytes)
    {
        var words = new uint[bytes.Length / 4];
        for (var i = 0; i < words.Length; i++)
            words[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * 4)..]);
        return words;
    }

    private static string Text(byte[] bytes, int at) => Encoding.ASCII.GetString(bytes.AsSpan(at, bytes.AsSpan(at).IndexOf((byte)0)));
}
