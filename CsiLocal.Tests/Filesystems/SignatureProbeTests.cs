using CsiLocal.Filesystems;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

public sealed class SignatureProbeTests
{
    [Fact]
    public void Silence_with_exit_code_2_is_blank()
    {
        Assert.IsType<ProbeResult.Blank>(SignatureProbe.Read(new ToolOutput(2, "", "")));
    }

    [Theory]
    [InlineData(2, "", "error: /dev/loop0: No such device or address")]
    [InlineData(2, "DEVNAME=/dev/loop0\n", "")]
    [InlineData(4, "", "")]
    [InlineData(8, "", "blkid: /dev/loop0: ambivalent result (probably more filesystems on the device, use wipefs(8) to see more details)")]
    [InlineData(1, "", "")]
    [InlineData(137, "", "")]
    public void Everything_doubtful_is_unreadable(int code, string output, string error)
    {
        Assert.IsType<ProbeResult.Unreadable>(SignatureProbe.Read(new ToolOutput(code, output, error)));
    }

    [Fact]
    public void A_file_system_of_ours_is_told_with_uuid_and_label()
    {
        const string captured = """
            DEVNAME=/dev/loop0
            LABEL=a=b
            UUID=6a0f1c7e-2f35-4d8b-9b62-3f4d2e7f9a10
            VERSION=1.0
            FSBLOCKSIZE=4096
            BLOCK_SIZE=4096
            TYPE=ext4
            USAGE=filesystem

            """;

        Assert.Equal(
            new ProbeResult.Filesystem(FilesystemType.Ext4, Guid.Parse("6a0f1c7e-2f35-4d8b-9b62-3f4d2e7f9a10"), "a=b"),
            SignatureProbe.Read(new ToolOutput(0, captured, "")));
    }

    [Theory]
    [InlineData("DEVNAME=/dev/loop0\nUUID=x\nTYPE=crypto_LUKS\nUSAGE=crypto\n", "crypto_LUKS (crypto)")]
    [InlineData("DEVNAME=/dev/loop0\nTYPE=LVM2_member\nUSAGE=raid\n", "LVM2_member (raid)")]
    [InlineData("DEVNAME=/dev/loop0\nTYPE=ext3\nUSAGE=filesystem\n", "ext3 (filesystem)")]
    [InlineData("DEVNAME=/dev/loop0\nPTUUID=x\nPTTYPE=gpt\n", "a gpt partition table")]
    [InlineData("DEVNAME=/dev/loop0\n", "DEVNAME=/dev/loop0")]
    [InlineData("", "")]
    public void Anything_else_found_is_another_signature(string captured, string what)
    {
        Assert.Equal(new ProbeResult.OtherSignature(what), SignatureProbe.Read(new ToolOutput(0, captured, "")));
    }
}
