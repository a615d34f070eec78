using System.Buffers.Binary;
using System.Security.Cryptography;
using CsiLocal.Filesystems;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

public sealed class UuidChangerTests : IDisposable
{
    private const int Limit = 120_000;

    private readonly RecordingCommandRunner _commands = new();
    private readonly TemporaryFolder _folder = new();
    private readonly UuidChanger _changer;
    private readonly Guid _uuid = Guid.NewGuid();

    public UuidChangerTests() => _changer = new UuidChanger(_commands, new Mounter(_commands), _folder.Combine("work"));

    public enum Taken
    {
        Unmounted,
        Frozen,
        InUse,
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _commands.Dispose();
        _folder.Dispose();
    }

    [Theory(Timeout = Limit)]
    [InlineData("Ext4", 64, Taken.Unmounted)]
    [InlineData("Ext4", 64, Taken.Frozen)]
    [InlineData("Ext4", 64, Taken.InUse)]
    [InlineData("Xfs", 300, Taken.Unmounted)]
    [InlineData("Xfs", 300, Taken.Frozen)]
    [InlineData("Xfs", 300, Taken.InUse)]
    [InlineData("Btrfs", 128, Taken.Unmounted)]
    [InlineData("Btrfs", 128, Taken.Frozen)]
    [InlineData("Btrfs", 128, Taken.InUse)]
    public async Task Copy_gets_its_own_UUID_and_mounts_beside_its_source_with_all_data(string type, int sizeMiB, Taken taken)
    {
        using var source = new LoopImage(Enum.Parse<FilesystemType>(type), sizeMiB);
        source.Mount();
        var sum = Fill(source);
        using var copy = Take(source, taken);
        var original = Shown(source);

        await _changer.ChangeAsync("stage volume v", copy.Attachment, copy.Type, _uuid, Token);

        Assert.Equal(_uuid.ToString(), Shown(copy));
        Assert.Equal(original, Shown(source));
        copy.Mount();
        File.WriteAllText(Path.Combine(copy.Path, "own"), "of the copy");
        Assert.Equal(sum, Sum(copy));
        Assert.Equal(sum, Sum(source));
        Assert.False(File.Exists(Path.Combine(source.Path, "own")));
        copy.Unmount();
        Check(copy);
        Assert.Empty(Leftovers());
    }

    [Theory(Timeout = Limit)]
    [InlineData("Ext4", 32)]
    [InlineData("Xfs", 300)]
    [InlineData("Btrfs", 128)]
    public async Task Second_change_to_the_same_UUID_starts_nothing_and_one_to_another_works(string type, int sizeMiB)
    {
        using var image = new LoopImage(Enum.Parse<FilesystemType>(type), sizeMiB);
        await _changer.ChangeAsync("stage volume v", image.Attachment, image.Type, _uuid, Token);
        _commands.Commands.Clear();

        await _changer.ChangeAsync("stage volume v", image.Attachment, image.Type, _uuid, Token);
        Assert.Empty(_commands.Commands);

        var another = Guid.NewGuid();
        await _changer.ChangeAsync("stage volume v", image.Attachment, image.Type, another, Token);
        Assert.Equal(another.ToString(), Shown(image));
        image.Mount();
    }

    [Theory(Timeout = Limit)]
    [InlineData(0)] // the log only
    [InlineData(1)] // and the primary superblock
    [InlineData(3)] // and all copies of it but the last
    public async Task Interrupted_change_of_xfs_is_finished(int written)
    {
        using var image = new LoopImage(FilesystemType.Xfs, 300);
        var before = Superblocks(image);
        await _changer.ChangeAsync("stage volume v", image.Attachment, image.Type, _uuid, Token);
        foreach (var (offset, bytes) in before.Skip(written))
            image.Overwrite(offset, bytes);

        await _changer.ChangeAsync("stage volume v", image.Attachment, image.Type, _uuid, Token);

        Assert.Equal(Enumerable.Repeat(_uuid, 4), Superblocks(image).Select(copy => new Guid(copy.Bytes.AsSpan(32, 16), bigEndian: true)));
        Check(image);
        image.Mount();
    }

    [Fact(Timeout = Limit)]
    public async Task Interrupted_change_of_btrfs_is_finished()
    {
        // btrfstune -U writes the superblock with the new UUID and this flag first, and without the flag last.
        using var image = new LoopImage(FilesystemType.Btrfs, 128);
        await _changer.ChangeAsync("stage volume v", image.Attachment, image.Type, _uuid, Token);
        var super = image.Read(65536, 4096);
        super[0x38 + 4] |= 0x08; // BTRFS_SUPER_FLAG_CHANGING_FSID
        BitConverter.GetBytes(Crc32C(super.AsSpan(32))).CopyTo(super, 0);
        image.Overwrite(65536, super);
        _commands.Commands.Clear();
        Assert.True(Superblock.Read(image.Device)!.IsChangingUuid);

        await _changer.ChangeAsync("stage volume v", image.Attachment, image.Type, _uuid, Token);

        Assert.False(Superblock.Read(image.Device)!.IsChangingUuid);
        Assert.Equal(_uuid.ToString(), Shown(image));
        image.Mount();
    }

    [Fact(Timeout = Limit)]
    public async Task Mount_that_a_killed_run_left_is_undone_first()
    {
        using var source = new LoopImage(FilesystemType.Xfs, 300);
        source.Mount();
        using var copy = Take(source, Taken.Frozen);
        var killed = new OperationCanceledException();
        _commands.Answer = command => command.Program == "umount" ? throw killed : null;
        await Assert.ThrowsAsync<OperationCanceledException>(() => _changer.ChangeAsync("stage volume v", copy.Attachment, copy.Type, _uuid, Token));
        Assert.NotEmpty(Leftovers());
        _commands.Answer = static _ => null;

        await _changer.ChangeAsync("stage volume v", copy.Attachment, copy.Type, _uuid, Token);

        Assert.Equal(_uuid.ToString(), Shown(copy));
        Assert.Empty(Leftovers());
    }

    [Fact(Timeout = Limit)]
    public async Task Log_of_btrfs_is_replayed_before_the_change()
    {
        using var source = new LoopImage(FilesystemType.Btrfs, 128);
        source.Mount();
        await using (var file = new FileStream(Path.Combine(source.Path, "synced"), FileMode.Create))
        {
            file.Write(new byte[10_000]);
            file.Flush(flushToDisk: true);
        }

        using var copy = Take(source, Taken.InUse);
        Assert.True(Superblock.Read(copy.Device)!.HasLog);

        await _changer.ChangeAsync("stage volume v", copy.Attachment, copy.Type, _uuid, Token);

        Assert.Equal(["mount", "umount", "btrfstune"], _commands.Programs);
        copy.Mount();
        Assert.Equal(10_000, new FileInfo(Path.Combine(copy.Path, "synced")).Length);
    }

    [Theory(Timeout = Limit)]
    [InlineData("Ext4")]
    [InlineData("Xfs")]
    [InlineData("Btrfs")]
    public async Task Device_with_something_else_is_refused_untouched(string type)
    {
        var wanted = Enum.Parse<FilesystemType>(type);
        using var image = new LoopImage(wanted == FilesystemType.Ext4 ? FilesystemType.Btrfs : FilesystemType.Ext4, 128);

        var e = await Assert.ThrowsAsync<StorageException>(() => _changer.ChangeAsync("stage volume v", image.Attachment, wanted, _uuid, Token));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.Empty(_commands.Commands);
    }

    [Theory(Timeout = Limit)]
    [InlineData("metadata_csum,^metadata_csum_seed")]
    [InlineData("metadata_csum,metadata_csum_seed")]
    [InlineData("^metadata_csum,uninit_bg")]
    [InlineData("^metadata_csum,^uninit_bg")]
    [InlineData("^has_journal")]
    public async Task Ext4_of_any_kind_of_checksum_stays_sound(string features)
    {
        using var image = new LoopImage(FilesystemType.Ext4, 64, "-O", features);
        image.Mount();
        var sum = Fill(image);
        image.Unmount();

        await _changer.ChangeAsync("stage volume v", image.Attachment, image.Type, _uuid, Token);

        Assert.Equal(_uuid.ToString(), Shown(image));
        Check(image);
        image.Mount();
        Assert.Equal(sum, Sum(image));
    }

    [Fact(Timeout = Limit)]
    public async Task Tool_that_says_yes_and_does_nothing_is_not_believed()
    {
        using var image = new LoopImage(FilesystemType.Ext4, 32);
        _commands.Answer = static _ => new ToolOutput(0, "", "");

        var e = await Assert.ThrowsAsync<StorageException>(() => _changer.ChangeAsync("stage volume v", image.Attachment, image.Type, _uuid, Token));

        Assert.Equal(StorageError.Internal, e.Error);
    }

    private static LoopImage Take(LoopImage source, Taken taken)
    {
        switch (taken)
        {
            case Taken.Unmounted:
                source.Unmount();
                var still = source.Copy();
                source.Mount();
                return still;
            case Taken.Frozen:
                HostCommand.Run("fsfreeze", "-f", source.Path);
                try
                {
                    return source.Copy();
                }
                finally
                {
                    HostCommand.Run("fsfreeze", "-u", source.Path);
                }

            default:
                return source.Copy();
        }
    }

    private static string Fill(LoopImage image)
    {
        for (var i = 0; i < 50; i++)
        {
            var folder = Directory.CreateDirectory(Path.Combine(image.Path, "data", $"{i % 7}"));
            File.WriteAllBytes(Path.Combine(folder.FullName, $"{i}"), RandomNumberGenerator.GetBytes(20_000 + i));
        }

        HostCommand.Run("sync", "-f", image.Path);
        return Sum(image);
    }

    private static string Sum(LoopImage image)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in Directory.EnumerateFiles(Path.Combine(image.Path, "data"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            hash.AppendData(File.ReadAllBytes(path));
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static string Shown(LoopImage image) => HostCommand.Run("blkid", "-p", "-s", "UUID", "-o", "value", image.Device).Trim();

    private string[] Leftovers() => Directory.Exists(_folder.Combine("work")) ? Directory.GetDirectories(_folder.Combine("work")) : [];

    /// <summary>Fails the test where the file system does not hold together.</summary>
    private static void Check(LoopImage image) => _ = image.Type switch
    {
        FilesystemType.Ext4 => HostCommand.Run("e2fsck", "-fn", image.Device),
        FilesystemType.Xfs => HostCommand.Run("xfs_repair", "-n", image.Device),
        _ => HostCommand.Run("btrfs", "check", "--readonly", image.Device),
    };

    /// <summary>Where the superblocks of an xfs with four allocation groups are, and what they hold.</summary>
    private static (long Offset, byte[] Bytes)[] Superblocks(LoopImage image)
    {
        var primary = image.Read(0, 512);
        var groupBytes = (long)BinaryPrimitives.ReadUInt32BigEndian(primary.AsSpan(4)) * BinaryPrimitives.ReadUInt32BigEndian(primary.AsSpan(84));
        return Enumerable.Range(0, 4).Select(group => (group * groupBytes, image.Read(group * groupBytes, 512))).ToArray();
    }

    private static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
            crc = System.Numerics.BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
