# Net::SMPP as a client, driven by lines of JSON: {"call": method, ...arguments}; `text` and
# `header` are hexadecimal. "read" waits for one PDU and answers it. Every line is answered by one.
use strict;
use warnings;
use JSON::PP;
use Net::SMPP;

$| = 1;
my $json = JSON::PP->new->canonical->latin1;
my ($port, $password, $system_id, $range, $certificate) = @ARGV;
my $smpp = Net::SMPP->new_connect('127.0.0.1', port => $port, interface_version => 0x34, async => 0)
    or die "no connection: $!";
with_tls($certificate) if $certificate;
report($smpp->bind_transceiver(
    system_id => $system_id || 'perl', password => $password, address_range => $range || ''));

while (my $line = <STDIN>) {
    my %call = %{ $json->decode($line) };
    my $method = delete $call{call};
    $call{short_message} = pack('H*', delete $call{text}) if exists $call{text};
    report($method eq 'read' ? take() : $smpp->$method(%call));
}

# Net::SMPP reads and writes its own socket, so TLS has to be beneath its methods.
sub with_tls {
    my ($trusted) = @_;
    require IO::Socket::SSL;
    @Net::SMPP::TLS::ISA = ('IO::Socket::SSL', 'Net::SMPP');
    IO::Socket::SSL->start_SSL($smpp, SSL_ca_file => $trusted, SSL_verifycn_scheme => 'none')
        or die "no TLS: " . IO::Socket::SSL::errstr();
    bless $smpp, 'Net::SMPP::TLS';
}

sub take {
    my $pdu = $smpp->read_pdu() or return;
    my %answers = (0x05 => 'deliver_sm_resp', 0x15 => 'enquire_link_resp', 0x06 => 'unbind_resp');
    my $method = $answers{ $pdu->{cmd} };
    $smpp->$method(seq => $pdu->{seq}, $pdu->{cmd} == 0x05 ? (message_id => '') : ()) if $method;
    return $pdu;
}

sub report {
    my ($pdu) = @_;
    my %facts = %{ $pdu || {} };
    delete $facts{data};
    $facts{short_message} = unpack('H*', $facts{short_message}) if defined $facts{short_message};
    print $json->encode({ map { $_ => "$facts{$_}" } grep { defined $facts{$_} } keys %facts }), "\n";
}
