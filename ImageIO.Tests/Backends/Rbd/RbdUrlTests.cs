using ImageIO.Backends.Rbd.Native;
using ImageIO.Backends.Rbd.Urls;
using ImageIO.Core.Backends;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>URLs of Ceph images, and the versions of the libraries; needs no cluster.</summary>
public sealed class RbdUrlTests
{
    [Theory]
    [InlineData("rbd:vms/disk", "vms", "", "disk", null, null, null, null)]
    [InlineData("rbd:vms/tenant/disk@monday", "vms", "tenant", "disk", "monday", null, null, null)]
    [InlineData(
        "rbd:vms/disk:id=backup:conf=/etc/ceph/b.conf:from_snap=a",
        "vms", "", "disk", null, "backup", "/etc/ceph/b.conf", "a")]
    [InlineData(@"rbd:a\/b/c\:d\@e@f\\g", "a/b", "", "c:d@e", @"f\g", null, null, null)]
    [InlineData("rbd:vms/a%2Fb", "vms", "", "a%2Fb", null, null, null, null)]
    public void A_url_names_an_image_as_qemu_does(
        string text, string pool, string space, string image, string? snapshot, string? id, string? conf, string? from)
    {
        RbdUrl url = RbdUrl.Parse(ImageUrl.Parse(text));

        Assert.Equal((pool, space, image, snapshot), (url.Pool, url.Namespace, url.Image, url.Snapshot));
        Assert.Equal((id, conf, from), (url.Id, url.Conf, url.FromSnapshot));
    }

    [Theory]
    [InlineData("rbd:vms", "names no pool")]
    [InlineData("rbd:/disk", "must not be empty")]
    [InlineData("rbd:vms/", "must not be empty")]
    [InlineData("rbd:vms//disk", "must not be empty")]
    [InlineData("rbd:a/b/c/d", "too many slashes")]
    [InlineData("rbd:vms/disk@", "must not be empty")]
    [InlineData(@"rbd:vms/disk\", "ends in a backslash")]
    [InlineData("rbd:vms/disk:id", "'id' has no value")]
    [InlineData("rbd:vms/disk:id=a:id=b", "given twice")]
    [InlineData("rbd://fsid/vms/disk/snap", "Glance")]
    [InlineData("rbd:vms/disk:mon_host=10.0.0.1", "'mon_host'")]
    [InlineData("rbd:vms/disk:keyring=/etc/ceph/k", "'keyring'")]
    public void A_url_of_another_form_is_refused_with_the_reason(string text, string reason) => Assert.Contains(
        reason,
        Assert.Throws<FormatException>(() => RbdUrl.Parse(ImageUrl.Parse(text))).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("rbd:vms/disk:key=AQDsecret==")]
    [InlineData("rbd:vms/disk:AQDsecret==")]
    public void A_refusal_repeats_no_secret(string text) => Assert.DoesNotContain(
        "secret",
        Assert.Throws<FormatException>(() => RbdUrl.Parse(ImageUrl.Parse(text))).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("16.2.15", true)]
    [InlineData("16.2.13", false)]
    [InlineData("17.2.6", false)]
    [InlineData("17.2.7", true)]
    [InlineData("18.2.0", true)]
    [InlineData("19.2.3-1-gabcdef", true)]
    [InlineData("15.2.17", false)]
    [InlineData("Development", true)]
    [InlineData(null, true)]
    public void Libraries_that_can_hang_for_ever_are_too_old(string? version, bool isNewEnough) =>
        Assert.Equal(isNewEnough, RbdLibrary.IsNewEnough(version));

    [Fact]
    public void A_library_that_is_missing_is_named_with_the_package_to_install() =>
        Assert.Equal(
            "librados-none.so.2 cannot be loaded: install librados2 and restart the daemon",
            RbdLibrary.LoadOnLargeStack("librados-none.so.2", "librbd-none.so.1"));
}
