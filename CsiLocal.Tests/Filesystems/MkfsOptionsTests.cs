using CsiLocal.Filesystems;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

public sealed class MkfsOptionsTests
{
    private const int Limit = 10_000;

    [Theory(Timeout = Limit)]
    [InlineData("Ext4", "", "")]
    [InlineData("Ext4", " \t\n ", "")]
    [InlineData("Ext4", "-b 4096", "-b|4096")]
    [InlineData("Ext4", "-b1024 -m0", "-b|1024|-m|0")]
    [InlineData("Ext4", "-m 0.5  -i 16384\t-I 256\n-N 100000", "-m|0.5|-i|16384|-I|256|-N|100000")]
    [InlineData("Ext4", "-O ^has_journal,metadata_csum,64bit", "-O|^has_journal,metadata_csum,64bit")]
    [InlineData("Ext4", "-E lazy_itable_init=0,lazy_journal_init=1,nodiscard,stride=16,stripe_width=64", "-E|lazy_itable_init=0,lazy_journal_init=1,nodiscard,stride=16,stripe_width=64")]
    [InlineData("Ext4", "-E packed_meta_blocks=1 -T largefile4 -J size=64", "-E|packed_meta_blocks=1|-T|largefile4|-J|size=64")]
    [InlineData("Xfs", "-b size=4096 -s size=4k", "-b|size=4096|-s|size=4k")]
    [InlineData("Xfs", "-i size=512,maxpct=25,sparse=1,nrext64=1 -l size=64m -n size=8192", "-i|size=512,maxpct=25,sparse=1,nrext64=1|-l|size=64m|-n|size=8192")]
    [InlineData("Xfs", "-d su=64k,sw=4,agcount=8 -m reflink=1,rmapbt=0,bigtime=1,inobtcount=1,finobt=1", "-d|su=64k,sw=4,agcount=8|-m|reflink=1,rmapbt=0,bigtime=1,inobtcount=1,finobt=1")]
    [InlineData("Btrfs", "-n 16k -s 4096 -O ^no-holes,free-space-tree -d single -m dup --csum xxhash", "-n|16k|-s|4096|-O|^no-holes,free-space-tree|-d|single|-m|dup|--csum|xxhash")]
    [InlineData("Btrfs", "--csum=blake2", "--csum|blake2")]
    public void Allowed_options_become_arguments(string filesystem, string text, string expected) =>
        Assert.Equal(expected, string.Join('|', MkfsOptions.Parse(Enum.Parse<FilesystemType>(filesystem), text)));

    [Theory(Timeout = Limit)]
    [InlineData("Ext4", "-F")]
    [InlineData("Ext4", "-n")]
    [InlineData("Ext4", "/dev/sda")]
    [InlineData("Ext4", "-b 4096 /dev/sda")]
    [InlineData("Ext4", "-b 8192")]
    [InlineData("Ext4", "-b")]
    [InlineData("Ext4", "-b -m")]
    [InlineData("Ext4", "-b 1024 -b 4096")]
    [InlineData("Ext4", "-m 51")]
    [InlineData("Ext4", "-m -1")]
    [InlineData("Ext4", "-m 1e1")]
    [InlineData("Ext4", "-m .5")]
    [InlineData("Ext4", "-i 512")]
    [InlineData("Ext4", "-N 99999999999999999999")]
    [InlineData("Ext4", "-N 0x10")]
    [InlineData("Ext4", "-N +5")]
    [InlineData("Ext4", "-U clear")]
    [InlineData("Ext4", "-L name")]
    [InlineData("Ext4", "-d /etc")]
    [InlineData("Ext4", "-J device=/dev/sda")]
    [InlineData("Ext4", "-J size=64,device=/dev/sda")]
    [InlineData("Ext4", "-z /etc/passwd")]
    [InlineData("Ext4", "-O journal_dev")]
    [InlineData("Ext4", "-O ^^has_journal")]
    [InlineData("Ext4", "-O extent,")]
    [InlineData("Ext4", "-O extent,^extent")]
    [InlineData("Ext4", "-E offset=1024")]
    [InlineData("Ext4", "-E root_owner=1000:1000")]
    [InlineData("Ext4", "-E assume_storage_prezeroed=1")]
    [InlineData("Ext4", "-E discard=1")]
    [InlineData("Ext4", "-E stride")]
    [InlineData("Ext4", "-T \"default\"")]
    [InlineData("Ext4", "-b $(reboot)")]
    [InlineData("Ext4", "-b 4096;reboot")]
    [InlineData("Ext4", "-b 4096\u0000-F")]
    [InlineData("Ext4", "--")]
    [InlineData("Ext4", "-b ４096")]
    [InlineData("Xfs", "-f")]
    [InlineData("Xfs", "-K")]
    [InlineData("Xfs", "-b 4096")]
    [InlineData("Xfs", "-b size=65536")]
    [InlineData("Xfs", "-m uuid=5a3cbbd4-2ab2-4a1f-8b0c-6a6d4f1c5d11")]
    [InlineData("Xfs", "-m crc=0")]
    [InlineData("Xfs", "-m reflink=1,reflink=0")]
    [InlineData("Xfs", "-l logdev=/dev/sda,size=10m")]
    [InlineData("Xfs", "-l size=k")]
    [InlineData("Xfs", "-d name=/dev/sda")]
    [InlineData("Xfs", "-d file=1")]
    [InlineData("Xfs", "-d agcount=0")]
    [InlineData("Xfs", "-r rtdev=/dev/sda")]
    [InlineData("Xfs", "-p /etc/proto")]
    [InlineData("Xfs", "-c options=/etc/passwd")]
    [InlineData("Btrfs", "-f")]
    [InlineData("Btrfs", "--rootdir /etc")]
    [InlineData("Btrfs", "--rootdir=/etc")]
    [InlineData("Btrfs", "-d raid0")]
    [InlineData("Btrfs", "-m raid1")]
    [InlineData("Btrfs", "-O zoned")]
    [InlineData("Btrfs", "-U 5a3cbbd4-2ab2-4a1f-8b0c-6a6d4f1c5d11")]
    [InlineData("Btrfs", "--csum=md5")]
    [InlineData("Btrfs", "--csum=")]
    [InlineData("Btrfs", "--csum")]
    public void Anything_else_is_refused(string filesystem, string text)
    {
        var e = Assert.Throws<StorageException>(() => MkfsOptions.Parse(Enum.Parse<FilesystemType>(filesystem), text));

        Assert.Equal(StorageError.InvalidArgument, e.Error);
        Assert.StartsWith("parameters[mkfsOptions]: ", e.Message, StringComparison.Ordinal);
        Assert.NotNull(e.Remedy);
        Assert.DoesNotContain(e.Message, char.IsControl);
    }

    [Fact(Timeout = Limit)]
    public void Refusal_names_the_option_and_what_is_allowed()
    {
        var option = Assert.Throws<StorageException>(() => MkfsOptions.Parse(FilesystemType.Ext4, "-F"));
        var value = Assert.Throws<StorageException>(() => MkfsOptions.Parse(FilesystemType.Btrfs, "-m raid1"));

        Assert.Equal("parameters[mkfsOptions]: '-F' is not allowed for ext4", option.Message);
        Assert.Contains("-b 1024|2048|4096; ", option.Remedy, StringComparison.Ordinal);
        Assert.Equal("parameters[mkfsOptions]: -m 'raid1' is not allowed for btrfs; allowed is -m single|dup", value.Describe());
    }
}
